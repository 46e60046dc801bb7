"""Synthetic songs, dancers and videos with known ground truth."""

from dancegen.steps.step import Step

STEP = Step(
    name="make_corpus",
    settings_class="MakeCorpusConfig",
    help="Make a synthetic corpus: songs, dancers and videos with ground truth.",
    doing="a corpus in {output}",
    title="Make the synthetic corpus",
    often="categories songs_per_category dancers dancers_per_song seconds seed look fps actors overwrite",
    example="configs/make_corpus.yaml output=data/corpus songs_per_category=20",
    on_cluster="output=s3://YOUR-BUCKET/corpus actors=16",
)
