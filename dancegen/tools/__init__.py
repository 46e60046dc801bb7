"""Commands that are not steps. They run in one process, without Ray."""
