"""Settings of `dancegen audit`: a table of videos -> the differences between its rows and its files."""

from dancegen.config import Config, InputUri


class AuditConfig(Config):
    """Compare the rows of a table with the files that they name."""

    table: InputUri
    """Folder of a table of renders, or of the videos of a corpus."""
    content: bool = False
    """Also read every file and compare its SHA-256, where the table has it."""
    sweep: bool = False
    """Delete files without a row that dancegen wrote, and unfinished files and uploads of processes that ended."""
