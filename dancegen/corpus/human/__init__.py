"""A person with a parametric body and clothes, filmed in a studio: `look=human` of make_corpus."""
