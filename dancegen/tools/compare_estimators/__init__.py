"""`dancegen compare-estimators`: several pose estimators on the same videos."""
