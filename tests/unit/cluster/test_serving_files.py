"""The files that serve an artifact: what Ray Serve and KubeRay read, and an application that takes their settings."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("fastapi", reason="comes with the extra `serve`")

from reviewtune.serving.guards import TOKEN_VARIABLE
from reviewtune.serving.server import limits_of
from reviewtune.verb_config import ServeConfig

CLUSTER = Path(__file__).resolve().parents[3] / "cluster"
SERVE = yaml.safe_load((CLUSTER / "serve.yaml").read_text())
SERVICE = yaml.safe_load((CLUSTER / "rayservice.yaml").read_text())
WITHIN = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])


@pytest.mark.parametrize("config", [SERVE, WITHIN], ids=["serve", "rayservice"])
def test_ray_serve_takes_the_file_and_its_application_the_settings(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="comes with the extra `serve`")
    (application,) = schema.ServeDeploySchema.model_validate(config).applications
    module, name = application.import_path.split(":")
    assert callable(getattr(import_module(module), name))
    settings = ServeConfig(**application.args)
    assert settings.replicas == 2
    monkeypatch.setenv(TOKEN_VARIABLE, "0123456789abcdef")
    assert limits_of(settings).digest
    monkeypatch.delenv(TOKEN_VARIABLE)
    with pytest.raises(Exception, match="set REVIEWTUNE_TOKEN"):
        limits_of(settings)


def test_the_service_has_a_token_from_a_secret_and_no_right_to_write() -> None:
    spec = SERVICE["spec"]["rayClusterConfig"]
    job = next(doc for doc in yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text()) if doc["kind"] == "RayJob")
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] == job["spec"]["rayClusterSpec"]["rayVersion"]
    (group,) = spec["workerGroupSpecs"]
    for pod in (spec["headGroupSpec"]["template"]["spec"], group["template"]["spec"]):
        (container,) = pod["containers"]
        (variable,) = container["env"]
        assert (variable["name"], "secretKeyRef" in variable["valueFrom"]) == (TOKEN_VARIABLE, True)
        assert container["volumeMounts"] == [{"name": "results", "mountPath": "/results", "readOnly": True}]
        assert container["image"] == job["spec"]["submitterPodTemplate"]["spec"]["containers"][0]["image"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["securityContext"]["runAsNonRoot"]
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
