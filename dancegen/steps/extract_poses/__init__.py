"""Poses of the dancer in videos, in three table jobs.

`probe`   what each file is, its hash and sound      one row a video
`detect`  everyone in each picture                   one row a part of a video: the expensive pass; uses GPUs
`select`  who is the dancer, cleaned and judged      one row a video
"""
