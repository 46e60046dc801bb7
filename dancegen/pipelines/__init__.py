"""The steps on Ray: Data, Train and Tune. The only package that imports Ray."""
