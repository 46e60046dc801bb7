"""A mistake in the settings is told at once, with the full key and what may have been meant."""

import re
from pathlib import Path

import pytest
from pydantic import Field, model_validator

from dancegen import config
from dancegen.config import Config, InputUri, Uri
from dancegen.errors import ConfigError
from dancegen.steps.train_dance.settings import TrainDanceConfig


class LossConfig(Config):
    l1: float = 1.0
    adversarial: float = Field(0.1, ge=0)


class ModelConfig(Config):
    loss: LossConfig = LossConfig()
    width: int = 256


class JobConfig(Config):
    clips: InputUri | None = None
    songs: InputUri | None = None
    output: Uri
    """Where results go."""
    workers: int = Field(2, ge=1)
    max_workers: int = 8
    sizes: tuple[int, ...] = (1, 2)
    model: ModelConfig = ModelConfig()

    @model_validator(mode="after")
    def _workers_fit(self) -> "JobConfig":
        if self.workers > self.max_workers:
            raise ValueError(f"workers={self.workers} is more than max_workers={self.max_workers}: give one of them")
        return self


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(f"output: {tmp_path}/out\nworkers: 3\nmodel:\n  loss:\n    l1: 2\n")
    return path


def problem(path: Path | str | None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        config.load(JobConfig, str(path) if path else None, overrides)
    return str(error.value)


def test_the_file_overrides_the_defaults_and_the_overrides_the_file(file: Path) -> None:
    settings = config.load(JobConfig, str(file), ["workers=4", "model.width=8", "sizes=[5,6,7]"])
    assert (settings.workers, settings.model.loss.l1, settings.model.loss.adversarial) == (4, 2.0, 0.1)
    assert (settings.model.width, settings.sizes) == (8, (5, 6, 7))


def test_defaults_and_overrides_alone_are_enough() -> None:
    assert config.load(JobConfig, None, ["output=/tmp/x"]).workers == 2


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "0.0001", "1.0e-4"])
def test_a_number_in_any_notation_is_a_number(file: Path, text: str) -> None:
    assert config.load(JobConfig, str(file), [f"model.loss.l1={text}"]).model.loss.l1 == 1e-4
    file.write_text(file.read_text().replace("l1: 2", f"l1: {text}"))
    assert config.load(JobConfig, str(file)).model.loss.l1 == 1e-4


def test_a_reference_to_another_key_and_to_the_environment_is_followed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET", "s3://bucket")
    file.write_text("output: ${oc.env:BUCKET}/out\nworkers: 3\nmax_workers: ${workers}\n")
    settings = config.load(JobConfig, str(file))
    assert (settings.output, settings.max_workers) == ("s3://bucket/out", 3)


def test_a_reference_that_leads_nowhere_is_named(file: Path) -> None:
    assert "no_such_key" in problem(file, "workers=${no_such_key}")
    assert "NO_SUCH_VARIABLE" in problem(file, "output=${oc.env:NO_SUCH_VARIABLE}")


def test_a_wrong_key_is_named_with_the_one_that_may_be_meant(file: Path) -> None:
    assert "wrokers: unknown setting. Did you mean workers?" in problem(file, "wrokers=2")


def test_a_wrong_nested_key_is_named_in_full(file: Path) -> None:
    text = problem(file, "model.loss.adverserial=1")
    assert "model.loss.adverserial: unknown setting. Did you mean model.loss.adversarial?" in text


def test_a_wrong_key_that_resembles_nothing_says_where_all_settings_are(file: Path) -> None:
    text = problem(file, "model.loss.zzz=1")
    assert "model.loss.zzz: unknown setting.\n" in text
    assert "All settings: docs/settings.md." in text


def test_a_wrong_type_is_named_with_its_value(file: Path) -> None:
    assert re.search(r"workers='many': .*integer", problem(file, "workers=many"))
    assert re.search(r"model\.loss\.l1='a lot': .*number", problem(file, "model.loss.l1=a lot"))


def test_a_value_out_of_range_is_named_with_the_bound(file: Path) -> None:
    assert "workers=0: input should be greater than or equal to 1." in problem(file, "workers=0")


def test_a_missing_setting_says_how_to_give_it() -> None:
    assert "output: is required and not set. Add it, or give output=..." in problem(None)


def test_an_undecided_setting_counts_as_missing(file: Path) -> None:
    file.write_text("output: ???\n")
    assert "output: is required and not set" in problem(file)


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    text = problem(file, "wrokers=2", "workers=many", "model.loss.zzz=1", "output=http://x/y")
    assert all(part in text for part in ("wrokers:", "workers='many'", "model.loss.zzz:", "http:// is not supported"))


def test_settings_that_do_not_fit_each_other_say_so_without_all_the_others(file: Path) -> None:
    text = problem(file, "workers=9")
    assert "\n  workers=9 is more than max_workers=8: give one of them.\n" in text


def test_nested_settings_that_do_not_fit_each_other_are_named_in_full(tmp_path: Path) -> None:
    class SearchConfig(Config):
        train: JobConfig

    with pytest.raises(ConfigError, match=r"\n  train: workers=9 is more than max_workers=8"):
        config.load(SearchConfig, None, [f"train.output={tmp_path}", "train.workers=9"])


def test_a_value_where_a_group_belongs_and_a_key_below_a_value_name_the_key(file: Path) -> None:
    assert "model=3" in problem(file, "model=3")
    assert "workers" in problem(file, "workers.count=1")
    assert "workers" in problem(file, "workers=1", "workers.count=1")


def test_the_message_names_the_file_first(file: Path) -> None:
    assert problem(file, "workers=many").startswith(f"{file}: ")


@pytest.mark.parametrize("override", ["workers", "=2", "--workers", ""])
def test_an_override_of_another_form_is_told(file: Path, override: str) -> None:
    assert "is not of the form key=value. Use for example workers=2." in problem(file, override)


@pytest.mark.parametrize("override", ["sizes=[1,2", "model={a", "model.loss.l1=${", "output=${oc.env:"])
def test_an_override_with_open_brackets_is_told(file: Path, override: str) -> None:
    assert override.partition("=")[0] in problem(file, override)


@pytest.mark.parametrize(
    "text", ["/a #1 b", "/a: b", "/[2019] {x", "/2019", "/*", "/&c", "/ünï☃😀", "/'a", "/a='b'", "/\\n"]
)
def test_an_override_of_a_text_is_taken_as_it_is_written(file: Path, text: str) -> None:
    assert config.load(JobConfig, str(file), [f"output={text}"]).output == text
    assert config.load(JobConfig, str(file), [f"songs={text}"]).songs == text


def test_an_override_of_a_text_may_be_quoted_or_null_or_refer_to_a_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET", "s3://b")
    settings = config.load(JobConfig, str(file), ["output=${oc.env:BUCKET}/a #1", "songs=null"])
    assert (settings.output, settings.songs) == ("s3://b/a #1", None)
    assert config.load(JobConfig, str(file), ["output='/a'"]).output == "/a"
    assert config.variables(str(file), ["output=${oc.env:BUCKET}/[1"], JobConfig) == ["BUCKET"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("workers: [1, 2", "is not valid YAML"),
        ("workers: 1\nworkers: 2\n", "duplicate key workers"),
        ("workers: 1\n\toutput: x\n", "at line 2"),
        ("- a\n- b\n", "contains no `key: value` lines"),
        ("only text", "job.yaml"),
        ("a: \x00\x07", "job.yaml"),
        ("1: x\noutput: y", "1"),
    ],
)
def test_a_file_of_another_form_is_told(file: Path, text: str, expected: str) -> None:
    file.write_text(text)
    message = problem(file)
    assert str(file) in message
    assert expected in message


def test_a_file_that_is_no_text_or_not_there_or_a_folder_is_told(file: Path) -> None:
    assert "does not exist" in problem(file.with_name("other.yaml"))
    assert "cannot be read" in problem(file.parent)
    file.write_bytes(b"\xff\xfe\x00\x80" * 100)
    assert str(file) in problem(file)


def test_an_empty_file_means_the_defaults(file: Path) -> None:
    file.write_text("")
    assert config.load(JobConfig, str(file), ["output=/tmp/x"]).workers == 2


def test_a_base_is_read_first_beside_the_file_that_names_it(file: Path) -> None:
    (file.parent / "presets").mkdir()
    (file.parent / "presets" / "paper.yaml").write_text("base: ../all.yaml\nworkers: 5\nmodel: {width: 512}\n")
    (file.parent / "all.yaml").write_text("output: /all\nmax_workers: 7\nworkers: 6\n")
    file.write_text("base: presets/paper.yaml\nmodel: {loss: {l1: 3}}\n")
    settings = config.load(JobConfig, str(file))
    assert (settings.output, settings.workers, settings.max_workers) == ("/all", 5, 7)
    assert (settings.model.width, settings.model.loss.l1) == (512, 3.0)


def test_a_base_given_as_an_override_goes_over_the_file_and_under_the_other_overrides(file: Path) -> None:
    preset = file.with_name("paper.yaml")
    preset.write_text("workers: 5\nmodel: {width: 512}\n")
    settings = config.load(JobConfig, str(file), [f"base={preset}", "model.width=8"])
    assert (settings.workers, settings.model.width, settings.model.loss.l1) == (5, 8, 2.0)


def test_a_group_of_settings_has_a_base_of_its_own(file: Path) -> None:
    (file.parent / "presets").mkdir()
    (file.parent / "presets" / "paper.yaml").write_text("base: wide.yaml\nloss: {l1: 5}\n")
    (file.parent / "presets" / "wide.yaml").write_text("width: 512\nloss: {l1: 4, adversarial: 3}\n")
    file.write_text("output: /x\nmodel: {base: presets/paper.yaml, loss: {adversarial: 2}}\n")
    model = config.load(JobConfig, str(file)).model
    assert (model.width, model.loss.l1, model.loss.adversarial) == (512, 5.0, 2.0)
    file.write_text("output: /x\nmodel: {base: job.yaml}\n")
    assert "job.yaml: is its own base" in problem(file)


def test_a_base_that_is_missing_or_goes_round_in_a_circle_is_told(file: Path) -> None:
    file.write_text("base: presets/no.yaml\n")
    assert "no.yaml: does not exist" in problem(file)
    file.write_text("base: job.yaml\n")
    assert "job.yaml: is its own base" in problem(file)


def test_paths_become_absolute_and_shown_settings_load_again(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = config.load(JobConfig, str(file), ["output=out", "songs=s3://bucket/songs", "model.loss.l1=1e-7"])
    assert settings.output == str(tmp_path / "out")
    file.write_text(config.to_yaml(settings))
    assert config.load(JobConfig, str(file)) == settings


def test_inputs_that_do_not_exist_are_named_by_key_and_unset_ones_are_no_mistake(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clips=.*/nowhere: does not exist\. Correct the path"):
        config.check_inputs(config.load(JobConfig, str(file), [f"clips={tmp_path}/nowhere"]))
    config.check_inputs(config.load(JobConfig, str(file), [f"clips={tmp_path}"]))


def test_inputs_of_nested_settings_are_named_in_full(tmp_path: Path) -> None:
    class SearchConfig(Config):
        train: JobConfig

    settings = config.load(SearchConfig, None, [f"train.output={tmp_path}", f"train.songs={tmp_path}/nowhere"])
    with pytest.raises(ConfigError, match=r"^train\.songs="):
        config.check_inputs(settings)


def test_a_default_that_is_documented_in_the_class_reaches_its_schema() -> None:
    assert JobConfig.model_fields["output"].description == "Where results go."


def test_a_setting_from_a_variable_that_is_empty_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TRACKING", "")
    path = tmp_path / "settings.yaml"
    path.write_text("tracking_uri: ${oc.env:TRACKING}\n")
    with pytest.raises(ConfigError, match=r"^tracking_uri: \$\{oc.env:TRACKING\}: resolves to an empty value"):
        config.load(TrainDanceConfig, str(path))


def test_settings_of_earlier_releases_may_say_that_no_tracker_is_named(tmp_path: Path):
    path = tmp_path / "settings.yaml"
    path.write_text('tracking_uri: ""\n')
    assert config.load(TrainDanceConfig, str(path)).tracking_uri is None
