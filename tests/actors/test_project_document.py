"""Every way in which the content of a project file can be wrong is told with line, key, reason and fix."""

from pathlib import Path

import pytest
import yaml

from openmas_assets.actors import project_yaml
from project_problems import asset, problems_in

DIGEST = "0123456789abcdef" * 4

ONE_PROBLEM = {
    "a name that leads out": (
        asset(name='name: ".."'),
        "line 2: assets[0].name: is '..', which leads out",
        "write a name",
    ),
    "the name of the folder itself": (
        asset(name="name: ."),
        "line 2: assets[0].name: is '.'",
        "write a name",
    ),
    "an empty name": (asset(name='name: ""'), "line 2: assets[0].name: is empty", "write a name"),
    "a name with a separator": (
        asset(name="name: a/b"),
        "line 2: assets[0].name: holds a slash",
        "plain name",
    ),
    "an absolute name": (asset(name="name: /etc"), "line 2: assets[0].name: holds a slash", "plain name"),
    "a name with a drive": (asset(name='name: "C:a"'), "line 2: assets[0].name: holds a colon", "write '-'"),
    "a name with NUL": (
        asset(name='name: "a\\0b"'),
        "line 2: assets[0].name: holds the unprintable",
        "remove it",
    ),
    "a name of a device": (
        asset(name="name: Con"),
        "line 2: assets[0].name: is the name of a device",
        "another name",
    ),
    "a version that leads out": (
        asset('version: ".."'),
        "line 4: assets[0].version: is '..'",
        "write a name",
    ),
    "a type of the cache itself": (
        asset("asset_type: .locks"),
        "line 4: assets[0].asset_type: starts with a dot",
        "without",
    ),
    "a file name that leads out": (
        asset(source="source:\n    type: http\n    url: https://e.com/a\n    filename: ../a"),
        "line 6: assets[0].source.filename: holds a slash",
        "plain name",
    ),
    "a URL that names no file": (
        asset(source="source:\n    type: http\n    url: https://e.com/%2e%2e"),
        "line 5: assets[0].source.url: has a last segment that is '..'",
        "add a filename",
    ),
    "a missing name": (asset(name="version: a"), "line 2: assets[0].name: is missing", "add name: my-model"),
    "a name without a value": (
        asset(name="name:"),
        "line 2: assets[0].name: is missing",
        "add name: my-model",
    ),
    "a missing source": (
        asset(source="retries: 1"),
        "line 2: assets[0].source: is missing",
        "add source: {type: http",
    ),
    "a missing source type": (
        asset(source="source: {path: a}"),
        "line 3: assets[0].source.type: is missing",
        "add type: http, type: hf or type: local",
    ),
    "an unknown source type": (
        asset(source="source:\n    type: htp\n    url: a"),
        "line 4: assets[0].source.type: htp is none of the choices",
        "did you mean http? write one of http, hf, local",
    ),
    "a missing URL": (
        asset(source="source: {type: http}"),
        "line 3: assets[0].source.url: is missing",
        "add url: https://example.com/model.bin",
    ),
    "a missing repository": (
        asset(source="source: {type: hf}"),
        "line 3: assets[0].source.repo_id: is missing",
        "add repo_id: organization/model",
    ),
    "a missing path": (
        asset(source="source: {type: local}"),
        "line 3: assets[0].source.path: is missing",
        "add path: data/model.bin",
    ),
    "a missing token variable": (
        asset("authentication: {http: {scheme: Token}}"),
        "line 4: assets[0].authentication.http.token_env_var: is missing",
        "add token_env_var: MY_API_KEY",
    ),
    "a source that is no mapping": (
        asset(source="source: a.bin"),
        "line 3: assets[0].source: ",
        "is not a mapping",
    ),
    "a URL that is none": (
        asset(source="source: {type: http, url: ftp://e.com/a}"),
        "line 3: assets[0].source.url: is not an http or https URL",
        "write it as https://host/path",
    ),
    "an unknown key": (
        asset("unpack_fromat: zip"),
        "line 4: assets[0].unpack_fromat: unknown key",
        "did you mean unpack_format? (asset 'a')",
    ),
    "an unknown key like no other": (
        asset("zebra: 1"),
        "line 4: assets[0].zebra: unknown key",
        "known are: name, version",
    ),
    "an unknown key in a source": (
        asset(source="source:\n    type: hf\n    repo_id: a/b\n    revison: main"),
        "line 6: assets[0].source.revison: unknown key",
        "did you mean revision?",
    ),
    "a key of another source": (
        asset(source="source: {type: http, url: 'https://e.com/a', repo_id: a/b}"),
        "line 3: assets[0].source.repo_id: belongs to a source of type hf",
        "remove it, or change the type",
    ),
    "an unknown key in an authentication": (
        asset("authentication:", "  https: {token_env_var: KEY}"),
        "line 5: assets[0].authentication.https: unknown key",
        "did you mean http?",
    ),
    "an unknown key in a header's authentication": (
        asset("authentication: {http: {token_env_var: KEY, header: X}}"),
        "line 4: assets[0].authentication.http.header: unknown key",
        "did you mean header_name?",
    ),
    "an unknown key in the Hub's authentication": (
        asset("authentication: {hf: {token: KEY}}"),
        "line 4: assets[0].authentication.hf.token: unknown key",
        "token_env_var",
    ),
    "an unknown key in the settings": (
        "settings:\n  assets:\n    cachedir: x\n",
        "line 3: settings.assets.cachedir: unknown key",
        "did you mean cache_dir?",
    ),
    "a key that is a number": (
        asset("7: x"),
        "line 4: assets[0][7]: is a key that is not text",
        "write it in quotes",
    ),
    "a short checksum": (
        asset("checksum: sha256:abc"),
        "line 4: assets[0].checksum: is not a SHA-256",
        "64 hex digits",
    ),
    "a checksum of another kind": (
        asset(f"checksum: md5:{DIGEST}"),
        "line 4: assets[0].checksum: is not",
        "write sha256:",
    ),
    "a checksum of a snapshot": (
        asset(f"checksum: sha256:{DIGEST}", source="source: {type: hf, repo_id: a/b}"),
        "line 4: assets[0].checksum: is of one file",
        "remove it or add one",
    ),
    "an archive without a format": (
        asset("unpack: true"),
        "line 4: assets[0].unpack: needs a format",
        "add unpack_format: zip",
    ),
    "an unknown format": (
        asset("unpack_format: tar.gzip"),
        "line 4: assets[0].unpack_format: tar.gzip is none of the choices",
        "did you mean tar.gz? write one of zip, tar, tar.gz, tar.bz2",
    ),
    "an unknown strategy": (
        asset("authentication: {strategy: vault, http: {token_env_var: KEY}}"),
        "line 4: assets[0].authentication.strategy: vault is none of the choices",
        "write one of env_token",
    ),
    "no authentication for an HTTP source": (
        asset("authentication: {hf: {}}", source="source: {type: http, url: 'https://e.com/a'}"),
        "line 4: assets[0].authentication: has no http block",
        "add http: {token_env_var: MY_API_KEY}",
    ),
    "two values for one key of 0.2.2": (
        asset("progress_report: true", source="source: {type: local, path: a, progress_report: false}"),
        "line 3: assets[0].source.progress_report: stands on the asset too, with another value",
        "keep the one on the asset",
    ),
    "a wrong value inside a source of 0.2.2": (
        asset(source="source:\n    type: local\n    path: a\n    progress_report_interval_mb: 0"),
        "line 6: assets[0].source.progress_report_interval_mb: 0 is too small",
        "more than 0",
    ),
    "negative retries": (asset("retries: -1"), "line 4: assets[0].retries: -1 is too small", "at least 0"),
    "retries in words": (
        asset("retries: many"),
        "line 4: assets[0].retries: many is not a whole number",
        "such as 3",
    ),
    "half a retry": (
        asset("retries: 1.5"),
        "line 4: assets[0].retries: 1.5 is not a whole number",
        "such as 3",
    ),
    "retries as a boolean": (
        asset("retries: yes"),
        "line 4: assets[0].retries: is true or false",
        "write a number",
    ),
    "an endless delay": (
        asset("retry_delay_seconds: .inf"),
        "line 4: assets[0].retry_delay_seconds: .inf is not a",
        "5.0",
    ),
    "a negative delay": (
        asset("retry_delay_seconds: -1"),
        "line 4: assets[0].retry_delay_seconds: -1 is too",
        "at least 0",
    ),
    "no interval": (
        asset("progress_report_interval_mb: 0"),
        "line 4: assets[0].progress_report_interval_mb: 0 is",
        "more than 0",
    ),
    "a boolean in words": (
        asset("unpack: perhaps"),
        "line 4: assets[0].unpack: perhaps is neither true nor",
        "one of the two",
    ),
    "a version that YAML reads as a number": (
        asset("version: 1.10"),
        "line 4: assets[0].version: 1.10 is a number in YAML",
        'write "1.10" in quotes',
    ),
    "a version that YAML reads as a date": (
        asset("version: 2023-06-01"),
        "line 4: assets[0].version: 2023-06-01 is a date in YAML",
        'write "2023-06-01" in quotes',
    ),
    "a name that YAML reads as a boolean": (
        asset(name="name: no"),
        "line 2: assets[0].name: no is true or false in YAML",
        'write "no" in quotes',
    ),
    "a list where text belongs": (
        asset("description: [a]"),
        "line 4: assets[0].description: is not text",
        "plain text",
    ),
    "assets that are no list": ("assets: {a: 1}\n", "line 1: assets: is not a list", "after a dash"),
    "an asset that is no mapping": ("assets:\n- a\n", "line 2: assets[0]: a is not a mapping", "indented"),
    "an asset that is nothing": ("assets:\n-\n", "line 2: assets[0]: is not a mapping", "indented"),
    "agents that are a list": ("agents: [a]\n", "line 1: agents: is not a mapping", "indented"),
    "an agent that is a number": ("agents:\n  a: 1\n", "line 2: agents.a: 1 is not a mapping", "indented"),
    "required assets that are no list": (
        asset() + "agents:\n  r:\n    required_assets: a\n",
        "line 6: agents.r.required_assets: a is not a list",
        "after a dash",
    ),
    "a required asset that is a number": (
        asset() + "agents:\n  r:\n    required_assets:\n    - 7\n",
        "line 7: agents.r.required_assets[0]: 7 is a number in YAML",
        'write "7" in quotes',
    ),
    "a required asset that names nothing": (
        asset(name="name: llama") + "agents:\n  r:\n    required_assets:\n    - lama\n",
        "line 7: agents.r.required_assets[0]: 'lama' is the name of no asset",
        "did you mean 'llama'?",
    ),
    "settings that are no mapping": (
        "settings: {assets: x}\n",
        "line 1: settings.assets: x is not a mapping",
        "indented",
    ),
    "a bound that is zero": (
        "settings: {assets: {max_unpacked_bytes: 0}}\n",
        "line 1: settings.assets.max_unpacked_bytes: 0 is too small",
        "more than 0",
    ),
    "a cache folder that is nothing": (
        "settings: {assets: {cache_dir: ''}}\n",
        "line 1: settings.assets.cache_dir: is no path",
        "write the path",
    ),
    "two assets of one name": (
        "assets:\n- {name: a, source: {type: local, path: a}}\n- {name: a, source: {type: local, path: a}}\n",
        "line 3: assets[1].name: is the name of assets[0] too",
        "give each asset a name of its own",
    ),
}


@pytest.mark.parametrize(("content", "start", "fix"), ONE_PROBLEM.values(), ids=ONE_PROBLEM)
def test_what_is_wrong_is_told_with_its_place_and_the_fix(
    tmp_path: Path, content: str | bytes, start: str, fix: str
) -> None:
    (problem,) = problems_in(tmp_path, content)

    assert problem.startswith(start)
    assert fix in problem.removeprefix(start)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    problems = problems_in(
        tmp_path,
        """\
agents:
  r: {required_assets: [b, 7, c]}
assets:
- name: a
  retries: -1
  version: 2.0
  source:
    url: https://example.com
    typ: http
- name: a
  unpack: yes
  checksum: sha256:1
  checksum: sha256:2
  source: {type: http, url: 'https://e.com/a'}
  description: !secret x
- source: {type: local, path: x}
settings:
  assets: {max_unpack_ratio: 0}
name: 1
""",
    )

    assert [problem.rpartition(": ")[0].split(": ")[:2] for problem in problems] == [
        ["line 2", "agents.r.required_assets[0]"],
        ["line 2", "agents.r.required_assets[1]"],
        ["line 2", "agents.r.required_assets[2]"],
        ["line 5", "assets[0].retries"],
        ["line 6", "assets[0].version"],
        ["line 7", "assets[0].source.type"],
        ["line 10", "assets[1].name"],
        ["line 11", "assets[1].unpack"],
        ["line 12", "assets[1].checksum"],
        ["line 13", "assets[1].checksum"],
        ["line 15", "assets[1].description"],
        ["line 16", "assets[2].name"],
        ["line 18", "settings.assets.max_unpack_ratio"],
        ["line 19", "name"],
    ]


def test_an_error_speaks_no_pydantic(tmp_path: Path) -> None:
    contents = [content for content, _, _ in ONE_PROBLEM.values()]
    text = " ".join(problem for content in contents for problem in problems_in(tmp_path, content)).lower()

    for jargon in (
        "pydantic",
        "value error",
        "value_error",
        "input should",
        "extra inputs",
        "validation",
        "literal",
    ):
        assert jargon not in text


@pytest.mark.parametrize(
    "content",
    [
        asset(source="source: {type: http, url: 'https://user:hunter2@/a'}"),
        asset(source="source: {type: http, url: 'https://e.com:x/a?token=hunter2'}"),
        asset(source="source: {type: http, url: 'https://user:hunter2@e.com/..?token=hunter2'}"),
        asset(source="source: {type: http, url:https://user:hunter2@e.com/a}"),
        asset(source="source:\n    type: http\n    url:https://user:hunter2@e.com/a"),
        asset(source="source: https://user:hunter2@e.com/a"),
        asset(source="source: {type: 'https://user:hunter2@e.com/a'}"),
        asset(source="source: {type: http, url: ['https://user:hunter2@e.com/a']}"),
        asset(name="name: https://user:hunter2@e.com/a"),
        asset("checksum: https://user:hunter2@e.com/a"),
        asset("unpack_format: https://user:hunter2@e.com/a"),
        asset("retries: https://user:hunter2@e.com/a"),
        asset("'https://user:hunter2@e.com/a': 1"),
        asset("authentication: hunter2"),
        asset("authentication: {http: hunter2}"),
        asset("authentication: {hf: hunter2}"),
        asset("authentication: {http: {token_env_var: 'sk-hunter2'}}"),
        asset("authentication: {http: {token_env_var: KEY, scheme: Bearer hunter2}}"),
        asset("authentication: {http: {token_env_var: KEY, header_name: 'X-Key: hunter2'}}"),
        "assets: https://user:hunter2@e.com/a\n",
        "assets: ['https://user:hunter2@e.com/a']\n",
        asset() + "agents: {r: {required_assets: ['https://user:hunter2@e.com/a']}}\n",
        "name: *hunter2\n",
        "name: &hunter2 a\nversion: &hunter2 b\n",
        "name: !hunter2 a\n",
        "name: !hunter2!x a\n",
        "name: 'hunter2\n",
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_no_error_shows_what_may_be_a_secret(
    tmp_path: Path, content: str, loader: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_yaml, "_Loader", loader)

    assert "hunter2" not in " ".join(problems_in(tmp_path, content))


def test_what_yaml_itself_shows_is_bounded_too(tmp_path: Path) -> None:
    keys = "".join(f"k{number}: 1\n" * 2 for number in range(300))
    assert len(problems_in(tmp_path, keys)) <= 102
