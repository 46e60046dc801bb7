"""The steps of the flow: what each is called, and what its help shows. Imports nothing: help answers at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the flow."""

    name: str  # as its modules and its settings file are called
    kind: str  # class of its settings, in the settings.py of its folder
    help: str
    says: str  # the job's first line, filled in from the settings
    often: str  # the settings that are given most, for its help
    example: str  # what to give it, for its help

    @property
    def command(self) -> str:
        """The step on the command line."""
        return self.name.replace("_", "-")

    @property
    def settings(self) -> str:
        """Where the class of the settings is."""
        return f"dancegen.steps.{self.name}.settings:{self.kind}"

    @property
    def run(self) -> str:
        """Where the work is."""
        return f"dancegen.steps.{self.name}.pipeline:run"


STEPS = {
    step.name: step
    for step in (
        Step(
            "make_corpus",
            "MakeCorpusConfig",
            "Make songs, dancers and videos with known truth.",
            "a corpus in {output}",
            "categories songs_per_category dancers dancers_per_song seconds seed look fps actors overwrite",
            "configs/make_corpus.yaml output=data/corpus songs_per_category=20",
        ),
        Step(
            "extract_poses",
            "ExtractPosesConfig",
            "Find the dancer in videos.",
            "videos in {videos} to poses in {poses}",
            "estimator.name estimator.min_confidence fps follow find_cuts clean.smoothing verdict.min_found_share "
            "actors max_bad_share overwrite",
            "configs/extract_poses.yaml videos=my_videos/ poses=data/poses follow=largest",
        ),
        Step(
            "import_poses",
            "ImportPosesConfig",
            "Take poses from other people's files.",
            "{format} in {source} to poses in {poses}",
            "music fps width_px height_px source_fps cameras category dancer min_confidence actors",
            "configs/import_poses.yaml format=aistpp source=keypoints2d/ music=music/ poses=data/poses",
        ),
        Step(
            "cut_clips",
            "CutClipsConfig",
            "Cut poses and sound into clips.",
            "poses in {poses} to clips in {clips}",
            "frames stride_frames max_missing_share min_tempo_confidence min_loudness_db test_share apart report "
            "actors overwrite",
            "configs/cut_clips.yaml poses=data/poses clips=data/clips",
        ),
        Step(
            "pretrain_perceptual",
            "PretrainPerceptualConfig",
            "Train the network of the perceptual loss.",
            "clips in {clips} to a {kind} network in {output}",
            "clips output kind epochs batch_size learning_rate workers use_gpu seed name",
            "configs/pretrain_perceptual.yaml clips=data/clips output=data/perceptual",
        ),
        Step(
            "train_dance",
            "TrainDanceConfig",
            "Train the model that dances.",
            "clips in {clips} to a model in {output}",
            "clips output start perceptual epochs batch_size workers use_gpu seed name",
            "configs/train_dance.yaml clips=data/clips output=data/dance epochs=100",
        ),
        Step(
            "train_cross_modal",
            "TrainCrossModalConfig",
            "Learn how such music is danced, to measure it.",
            "clips in {clips} to the cross-modal metric in {output}",
            "clips output normalization tagger_weights clips_per_song most_clusters cpus use_gpu seed tracking_uri",
            "configs/train_cross_modal.yaml clips=data/clips output=data/cross_modal",
        ),
        Step(
            "search",
            "SearchConfig",
            "Search for good settings of training.",
            "trainings on clips in {train.clips}",
            "train.clips output samples concurrent grace_epochs objective train.epochs train.workers train.use_gpu "
            "seed",
            "configs/search.yaml train.clips=data/clips output=data/search samples=24",
        ),
        Step(
            "evaluate",
            "EvaluateConfig",
            "Measure dances against real ones.",
            "dances to the music of {clips}, scores in {output}",
            "checkpoint dances output dances_per_clip max_clips perceptual heldout cross_modal seed actors",
            "configs/evaluate.yaml clips=data/clips checkpoint=data/dance/dance.safetensors output=data/evaluation",
        ),
        Step(
            "render",
            "RenderConfig",
            "Make a dance video of every song.",
            "songs in {songs} to videos in {output}",
            "checkpoint seed look fps width_px height_px actors gpus_per_actor max_bad_share overwrite",
            "configs/render.yaml songs=library/ output=data/videos look=skeleton",
        ),
    )
}
