"""What the container and its manifests promise: nobody's root, nothing to write but the volume, flags that exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S
from mcp_server_tiktok_shop.protocol.operating import HEALTH_PATH, READINESS_PATH
from mcp_server_tiktok_shop.protocol.readiness import CHECK_TIMEOUT_S
from mcp_server_tiktok_shop.protocol.web_server import CUT_OFF_TIMEOUT_S, DRAIN_TIMEOUT_S
from mcp_server_tiktok_shop.setting_declarations import FILE_SUFFIX, VARIABLE_PREFIX
from mcp_server_tiktok_shop.settings import SETTINGS, read_settings

PROJECT = Path(__file__).parents[1]
PACKAGING = PROJECT / "packaging"
MANIFESTS = PACKAGING / "kubernetes"
USER = 10001
END_S = DRAIN_TIMEOUT_S + CUT_OFF_TIMEOUT_S + CALL_TIMEOUT_S  # the longest that a server takes to end in order
VARIABLES = {s.variable for s in SETTINGS} | {s.variable + FILE_SUFFIX for s in SETTINGS if s.is_secret}


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def parse_minutes(text: str) -> int:
    assert text.endswith("m")
    return int(text[:-1])


def read_instructions() -> list[tuple[str, str]]:
    """The container file's instructions, each with what follows its name."""
    text = (PACKAGING / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in whole.splitlines() if line)]


INSTRUCTIONS = read_instructions()
COMMAND = json.loads(next(rest for name, rest in INSTRUCTIONS if name == "CMD"))
COMPOSE = read_yaml(PACKAGING / "compose.yaml")
DEPLOYMENT = read_yaml(MANIFESTS / "deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
CONFIG = read_yaml(MANIFESTS / "settings.yaml")["data"]


def get_instruction(name: str) -> str:
    """What the last instruction of a name says, which is in force."""
    return [rest for each, rest in INSTRUCTIONS if each == name][-1]


def parse_command(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line as the program itself reads them."""
    context = main.make_context("mcp-server-tiktok-shop", list(arguments))
    name, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
    assert name == "serve"
    assert command is not None
    with command.make_context(name, rest, parent=context) as inner:
        return dict(inner.params)


# ---- the image


def test_the_image_runs_as_nobody_in_particular_with_one_place_to_write() -> None:
    user, _, group = get_instruction("USER").partition(":")
    assert int(user) == int(group) == USER
    assert [rest for name, rest in INSTRUCTIONS if name == "VOLUME"] == ["/data"]
    assert "TIKTOK_SHOP_HOME=/data" in get_instruction("ENV")
    assert f"--owner={USER} --group={USER}" in get_instruction("RUN")


def test_what_the_image_is_built_of_is_there_and_let_through() -> None:
    own = [rest.split() for name, rest in INSTRUCTIONS if name == "COPY" and "--from" not in rest]
    sources = [source for *places, _ in own for source in places]
    assert sources
    let_through = (PACKAGING / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for source in sources:
        assert (PROJECT / source).exists(), source
        assert f"!{source.removeprefix('./')}" in let_through
    assert "*" in let_through
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r"'\.\[([a-z,]+)\]'", " ".join(rest for name, rest in INSTRUCTIONS if name == "RUN"))
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def test_the_image_and_the_deployment_start_what_exists_on_the_ports_that_they_name() -> None:
    options = parse_command(COMMAND)
    assert options == parse_command(CONTAINER["args"])
    assert options["over_http"]
    assert options["host"] == "0.0.0.0"  # noqa: S104 - within a container every address is one that others reach
    ports = {options["port"], options["metrics_port"]}
    assert {int(port) for port in get_instruction("EXPOSE").split()} == ports
    assert {port["containerPort"] for port in CONTAINER["ports"]} == ports
    assert f"http://127.0.0.1:{options['port']}{HEALTH_PATH}'" in get_instruction("HEALTHCHECK")


# ---- compose


def test_the_composed_server_may_do_no_more_than_it_must() -> None:
    server = COMPOSE["services"]["server"]
    assert server["user"] == get_instruction("USER")
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in server["security_opt"]
    assert server["volumes"] == ["data:/data"]
    assert [mount.partition(":")[0] for mount in server["tmpfs"]] == ["/tmp"]  # noqa: S108
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    assert parse_minutes(server["stop_grace_period"]) * 60 >= END_S


def test_the_composed_databases_wait_until_they_are_asked_for() -> None:
    others = {name: service for name, service in COMPOSE["services"].items() if name != "server"}
    assert others.keys() == {"postgres", "redis"}
    assert all(service["profiles"] == ["database"] for service in others.values())
    assert not any("ports" in service for service in others.values())
    named = {secret for service in COMPOSE["services"].values() for secret in service.get("secrets", ())}
    assert named == COMPOSE["secrets"].keys()


@pytest.mark.parametrize("variables", [COMPOSE["services"]["server"]["environment"], CONFIG], ids=["compose", "kube"])
def test_what_is_set_is_a_setting_and_no_secret(variables: dict[str, str]) -> None:
    assert variables.keys() <= VARIABLES
    secrets = {s.variable for s in SETTINGS if s.is_secret}
    assert not variables.keys() & secrets
    assert {f"{VARIABLE_PREFIX}HTTP_ISSUER", f"{VARIABLE_PREFIX}HTTP_URL"} <= variables.keys()


def test_the_settings_of_the_manifests_are_understood(tmp_path: Path) -> None:
    secret = tmp_path / "app-secret"
    secret.write_text("a-secret-of-nobody", encoding="utf-8")
    file_variable = "TIKTOK_SHOP_APP_SECRET_FILE"
    read_settings(CONFIG | {file_variable: str(secret)})
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert CONFIG[file_variable].rpartition("/")[0] == mounts["secrets"]


# ---- Kubernetes


def test_the_pod_is_held_to_a_user_and_a_root_that_it_can_not_write() -> None:
    outer, inner = POD["securityContext"], CONTAINER["securityContext"]
    assert outer["runAsNonRoot"] is True
    assert outer["runAsUser"] == outer["runAsGroup"] == outer["fsGroup"] == USER
    assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    volumes = {volume["name"]: next(kind for kind in volume if kind != "name") for volume in POD["volumes"]}
    assert volumes == {"data": "persistentVolumeClaim", "tmp": "emptyDir", "secrets": "secret"}
    assert {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]} | {"secrets": ""} == {
        "data": "/data",
        "tmp": "/tmp",  # noqa: S108
        "secrets": "",
    }


def test_the_probes_ask_what_the_server_answers() -> None:
    paths = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": HEALTH_PATH, "liveness": HEALTH_PATH, "readiness": READINESS_PATH}
    assert {CONTAINER[f"{name}Probe"]["httpGet"]["port"] for name in paths} == {"http"}
    assert CONTAINER["readinessProbe"]["timeoutSeconds"] > CHECK_TIMEOUT_S


def test_the_pod_is_given_the_time_that_ending_in_order_takes() -> None:
    (_, pause_s) = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert POD["terminationGracePeriodSeconds"] >= int(pause_s) + END_S


def test_one_server_alone_has_the_volume() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}


def test_no_variable_that_a_cluster_makes_up_stops_the_start() -> None:
    service = read_yaml(MANIFESTS / "service.yaml")["metadata"]["name"]
    assert POD["enableServiceLinks"] is False
    assert not service.upper().replace("-", "_").startswith(VARIABLE_PREFIX)


def test_the_manifests_belong_together() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    service, policy = (read_yaml(MANIFESTS / f"{name}.yaml")["spec"] for name in ("service", "network-policy"))
    assert labels
    assert DEPLOYMENT["spec"]["selector"]["matchLabels"] == labels
    assert service["selector"] == labels
    assert policy["podSelector"]["matchLabels"] == labels
    port_names = {port["name"] for port in CONTAINER["ports"]}
    assert {port["targetPort"] for port in service["ports"]} == {"http"} < port_names
    open_ports = [port["port"] for rule in policy["ingress"] if "from" not in rule for port in rule["ports"]]
    assert open_ports == ["http"]
    claim = read_yaml(MANIFESTS / "volume.yaml")["metadata"]["name"]
    assert [v["persistentVolumeClaim"]["claimName"] for v in POD["volumes"] if v["name"] == "data"] == [claim]
    (source,) = CONTAINER["envFrom"]
    assert source["configMapRef"]["name"] == read_yaml(MANIFESTS / "settings.yaml")["metadata"]["name"]
    listed = set(read_yaml(MANIFESTS / "kustomization.yaml")["resources"])
    assert listed == {path.name for path in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}


def test_every_image_has_a_version() -> None:
    bases = [rest.partition(" ")[0] for name, rest in INSTRUCTIONS if name == "FROM"]
    images = [*bases, CONTAINER["image"], *(COMPOSE["services"][name]["image"] for name in ("postgres", "redis"))]
    assert all(re.fullmatch(r"[a-z-]+:[0-9][\w.-]*", image) for image in images), images
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CONTAINER["image"].endswith(f":{project['version']}")
