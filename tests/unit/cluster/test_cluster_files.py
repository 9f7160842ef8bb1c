"""The cluster files against what reads them: Ray's own check, KubeRay's documented fields, the jobs' flags."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from ray.autoscaler._private.util import prepare_config, validate_config

from reviewtune.arguments import parse
from reviewtune.cli import VERBS
from reviewtune.config import StudyConfig

ROOT = Path(__file__).resolve().parents[3]
CLUSTER = ROOT / "cluster"
RAY_UP_FILES = ["ray-cluster.yaml", "ray-on-premise.yaml"]
RESULTS = "/results"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), comments dropped and continued lines joined."""
    lines = [line for line in (CLUSTER / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = [line.split() for line in "\n".join(lines).replace("\\\n", " ").splitlines()]
    return [(words[0], " ".join(words[1:])) for words in joined if words]


def rest_of(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in rest_of("ENV") for pair in shlex.split(rest))


def ray_up(name: str) -> dict[str, Any]:
    """The file as `ray up` completes it from the provider's defaults, before it calls the provider."""
    return prepare_config(yaml.safe_load((CLUSTER / name).read_text()))


def kubernetes(kind: str) -> dict[str, Any]:
    [found] = [doc for doc in yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text()) if doc["kind"] == kind]
    return found


def pods() -> Iterator[dict[str, Any]]:
    """The specs of the submitter's, the head's and the workers' pods."""
    spec = kubernetes("RayJob")["spec"]
    yield spec["submitterPodTemplate"]["spec"]
    yield spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        yield group["template"]["spec"]


def images() -> dict[str, str]:
    found = {name: ray_up(name)["docker"]["image"] for name in RAY_UP_FILES}
    found |= {f"pod {number}": pod["containers"][0]["image"] for number, pod in enumerate(pods())}
    return found | {"Dockerfile": re.search(r"--tag (\S+)", (CLUSTER / "Dockerfile").read_text()).group(1)}


def test_one_image_of_this_version_runs_everywhere():
    assert set(images().values()) == {f"registry.example.com/reviewtune:{PROJECT['version']}"}


def test_image_runs_as_a_numbered_user_at_home():
    user = rest_of("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes checks runAsNonRoot against a number only"
    assert f"useradd --create-home --uid {user.partition(':')[0]}" in " ".join(rest_of("RUN"))
    # `ray up` takes the container's home from here, else it mounts the token in /root.
    assert image_environment()["HOME"] == "/home/ray"
    assert image_environment()["RAY_AUTH_MODE"] == "token"


def test_image_holds_no_secret():
    names = [*image_environment(), *rest_of("ARG")]
    assert not [name for name in names if re.search(r"TOKEN|SECRET|PASSWORD|KEY", name)]
    assert not rest_of("ADD")


def test_image_installs_the_project_under_its_constraints():
    [install] = [run for run in rest_of("RUN") if "pip install" in run]
    assert "--constraint constraints.txt" in install
    extras = re.search(r"\.\[([\w,]+)\]", install).group(1).split(",")
    assert {"embedded", "fast", "serve"} == set(extras) <= set(PROJECT["optional-dependencies"])
    version = re.match(r"python:([\d.]+)-slim", rest_of("FROM")[0]).group(1)
    assert version in SpecifierSet(PROJECT["requires-python"])


def test_build_context_is_what_the_image_copies():
    copied = {source for rest in rest_of("COPY") for source in shlex.split(rest)[:-1]}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied


@pytest.mark.parametrize("name", RAY_UP_FILES)
def test_ray_accepts_its_cluster_file(name: str):
    validate_config(ray_up(name))


def test_ray_refuses_a_misspelt_setting():
    with pytest.raises(jsonschema.ValidationError, match="max_worker"):
        validate_config(ray_up("ray-cluster.yaml") | {"max_worker": 3})


@pytest.mark.parametrize("name", RAY_UP_FILES)
def test_ray_up_nodes_share_the_token_and_the_results(name: str):
    config = ray_up(name)
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token"}
    assert f"--volume=/mnt/results:{RESULTS}" in config["docker"]["run_options"]
    assert "mountpoint --quiet /mnt/results" in " ".join(config["initialization_commands"])
    assert config["docker"]["worker_run_options"] == ["--gpus=all"]


@pytest.mark.parametrize("name", RAY_UP_FILES)
def test_ray_up_head_keeps_its_dashboard_to_itself_and_offers_no_cpu(name: str):
    config = ray_up(name)
    [start] = [command for command in config["head_start_ray_commands"] if "ray start --head" in command]
    assert "--dashboard-host=127.0.0.1" in start
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"].get("CPU") == 0 or "--num-cpus=0" in start


def test_ray_up_may_start_more_gpu_workers_than_are_always_there():
    workers = ray_up("ray-cluster.yaml")["available_node_types"]["gpu_worker"]
    assert 0 <= workers["min_workers"] < workers["max_workers"]


def record(required: str = "", **properties: object) -> dict[str, object]:
    """A JSON schema of an object that has no other properties."""
    return {"type": "object", "required": required.split(), "additionalProperties": False, "properties": properties}


TEXT, COUNT, FLAG, ANY = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {"type": "object"}
START_PARAMS = {"type": "object", "additionalProperties": TEXT}
POD = record("spec", metadata=ANY, spec=record(
    "securityContext containers", restartPolicy=TEXT, automountServiceAccountToken=FLAG, securityContext=ANY,
    containers={"type": "array", "minItems": 1}, volumes={"type": "array"}, tolerations={"type": "array"},
    terminationGracePeriodSeconds=COUNT,
))  # fmt: skip
# The fields that these files may use, from https://docs.ray.io/en/latest/cluster/kubernetes/references/api.html.
WORKER_GROUP = record(
    "groupName rayStartParams template", groupName=TEXT, rayStartParams=START_PARAMS, template=POD,
    replicas=COUNT, minReplicas=COUNT, maxReplicas=COUNT,
)  # fmt: skip
RAY_CLUSTER = record(
    "headGroupSpec rayVersion authOptions", rayVersion=TEXT,
    authOptions=record("mode", mode={"enum": ["token", "disabled"]}, secretName=TEXT),
    headGroupSpec=record("rayStartParams template", rayStartParams=START_PARAMS, template=POD),
    workerGroupSpecs={"type": "array", "minItems": 1, "items": WORKER_GROUP},
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=record("", idleTimeoutSeconds=COUNT, securityContext=ANY, resources=ANY),
)  # fmt: skip
RAY_JOB = record(
    "entrypoint rayClusterSpec", entrypoint=TEXT, rayClusterSpec=RAY_CLUSTER, submitterPodTemplate=POD,
    backoffLimit=COUNT, activeDeadlineSeconds={**COUNT, "minimum": 1}, ttlSecondsAfterFinished=COUNT,
    shutdownAfterJobFinishes=FLAG,
)  # fmt: skip


def test_rayjob_has_the_fields_that_kuberay_documents():
    job = kubernetes("RayJob")
    assert job["apiVersion"] == "ray.io/v1"
    jsonschema.validate(job["spec"], RAY_JOB)


def test_rayjob_cluster_is_of_the_tested_ray_wants_a_token_and_goes_away():
    spec = kubernetes("RayJob")["spec"]
    assert f"ray=={spec['rayClusterSpec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text()
    assert spec["rayClusterSpec"]["authOptions"]["mode"] == "token"
    assert spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec["shutdownAfterJobFinishes"]
    assert spec["ttlSecondsAfterFinished"] > 0


def test_pods_run_without_privileges_within_limits():
    uid = int(rest_of("USER")[-1].partition(":")[0])
    for pod in pods():
        security = pod["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"]) == (True, uid)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        # The autoscaler beside the head starts pods.
        assert pod["automountServiceAccountToken"] is (pod["containers"][0]["name"] == "ray-head")
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]) <= set(container["resources"]["limits"])


def test_ray_pods_share_the_claimed_results_and_only_workers_have_gpus():
    claim = kubernetes("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    _, head, worker = pods()
    for pod in (head, worker):
        [volume] = pod["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert pod["containers"][0]["volumeMounts"] == [{"name": volume["name"], "mountPath": RESULTS}]
    assert "nvidia.com/gpu" not in head["containers"][0]["resources"]["limits"]
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_rayjob_entrypoint_is_a_job_of_the_image_with_valid_flags():
    _, script, *flags = shlex.split(kubernetes("RayJob")["spec"]["entrypoint"])
    job = Path(script).relative_to(rest_of("WORKDIR")[-1])
    preset = ROOT / "jobs" / "presets" / f"{job.stem.removeprefix('tune_')}.toml"
    assert (ROOT / job).is_file()
    config = parse(StudyConfig, flags, prog=job.name, preset=preset)
    assert config.results_dir.is_relative_to(RESULTS)
    assert config.gpus_per_trial == 1
    (group,) = kubernetes("RayJob")["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert config.max_gpus == group["maxReplicas"]


def test_a_pod_that_ends_tells_ray_and_waits_for_its_pack():
    (group,) = kubernetes("RayJob")["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    pod = group["template"]["spec"]
    *_, hook = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    words = shlex.split(hook.replace(";", " ; "))
    assert words[: words.index(";")][:2] == ["ray", "drain-node"]
    assert int(words[-1]) < int(words[words.index("--deadline-remaining-seconds") + 1]) < 60
    assert pod["terminationGracePeriodSeconds"] == 60


def readme_commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", (CLUSTER / "README.md").read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines]


def test_readme_commands_name_jobs_and_flags_that_exist():
    found = [words for words in readme_commands() if any("jobs/" in word for word in words)]
    assert len(found) >= 3
    for words in found:
        place = next(index for index, word in enumerate(words) if "jobs/" in word)
        job, flags = ROOT / "jobs" / Path(words[place]).name, words[place + 1 :]
        verb = re.search(r'run_job\("(\w+)"', job.read_text()).group(1)
        parse(VERBS[verb].config, flags, prog=job.name)


def test_readme_commands_name_files_that_exist():
    paths = [word for words in readme_commands() for word in words if word.startswith("cluster/")]
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
