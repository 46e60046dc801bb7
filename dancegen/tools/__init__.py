"""Commands beside the steps. They run in one process, without Ray."""
