"""One class a step of the flow: a table in, a table out, without Ray."""
