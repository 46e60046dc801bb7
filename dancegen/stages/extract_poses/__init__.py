"""videos -> poses, in three passes that can each be gone on with.

`look`    what each file is and how it sounds      one row a video
`find`    everyone in each picture                 one row a part of a video: the pass that costs; GPUs help
`follow`  who is the dancer, cleaned and judged    one row a video
"""
