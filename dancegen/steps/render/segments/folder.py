"""The folder with the segments of long songs, and their table, until the songs are joined."""

from dancegen import schema, tables


def segments_in(folder: str) -> bool:
    """Whether a folder is one of segments."""
    return tables.is_table(folder) and tables.kind(folder) == schema.name_of(schema.RENDER_SEGMENTS)
