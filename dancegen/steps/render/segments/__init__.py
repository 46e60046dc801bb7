"""Long songs of `render`: after the job over all songs has made their dances, two more table jobs (`jobs.py`).

    segments    a row per segment: its pictures, in a video of its own (`drawing.py`)
    long songs  a row per song: one video of its segments, and the row of the song (`joining.py`)

A song waits for its video while its row in the table of renders has a number of segments and no video; so the next run
finds what an interrupted one has left. Table and videos of the segments are in the folder `<output>_segments`. The name
of a segment's video has the hash of the versions of song and dance: an outdated one is never joined.
"""
