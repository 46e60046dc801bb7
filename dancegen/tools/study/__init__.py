"""The user study of Ren et al. (2020), section 6.3.1: which of two sets of dances do people prefer?

`make` cuts pairs of clips, `serve` shows them to people (answers are in `store`), `analyse` counts. `plan` is what a
study is: its pairs, and in which order and on which side a person sees them.
"""
