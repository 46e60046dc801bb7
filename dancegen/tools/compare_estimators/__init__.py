"""`dancegen compare-estimators`: agreement of two pose estimators on the same videos."""
