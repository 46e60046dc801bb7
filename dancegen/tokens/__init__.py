"""Dances as tokens: a tokenizer of motion on the beat, and a masked transformer that draws the tokens of a dance."""
