"""`dancegen study`: the preference study of Ren et al. (2020), section 6.3.1, on two sets of dances.

`make` cuts pairs of clips, `serve` shows them to participants (answers are stored by `store`), `analyse` computes the
preferences. `plan` defines a study: its pairs, and their order and sides for each participant.
"""
