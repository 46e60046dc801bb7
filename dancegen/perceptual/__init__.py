"""The networks that compare dances: ST-GCN for the perceptual loss, and a held-out extractor for evaluation."""
