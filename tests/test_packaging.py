"""What the container and its manifests promise: nobody's root, nothing to write but the volume, flags that exist."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    """What is in a file with one document."""
    (document,) = read_documents(path)
    return document


def read_documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path))


def find_document(path: Path, kind: str) -> Any:
    (document,) = [document for document in read_documents(path) if document["kind"] == kind]
    return document


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
COMPOSED_SERVERS = [service for name, service in COMPOSE["services"].items() if name.startswith("server-")]
SERVERS = find_document(MANIFESTS / "servers.yaml", "StatefulSet")
POD = SERVERS["spec"]["template"]["spec"]
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


@pytest.mark.parametrize("server", COMPOSED_SERVERS)
def test_a_composed_server_may_do_no_more_than_it_must(server: dict[str, Any]) -> None:
    assert server["user"] == get_instruction("USER")
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in server["security_opt"]
    assert [mount.partition(":")[0] for mount in server["tmpfs"]] == ["/tmp"]  # noqa: S108
    assert all(port.startswith("127.0.0.1:") for port in server["ports"])
    assert parse_minutes(server["stop_grace_period"]) * 60 >= END_S
    assert f"http://127.0.0.1:8722{READINESS_PATH}" in server["healthcheck"]["test"][-1]


def test_two_composed_servers_share_the_databases_and_nothing_else() -> None:
    first, second = COMPOSED_SERVERS
    for name in first.keys() - {"volumes", "ports"}:
        assert first[name] == second[name]
    for name in ("volumes", "ports"):
        assert not set(first[name]) & set(second[name])
    for server in COMPOSED_SERVERS:
        (volume,) = server["volumes"]
        name, _, place = volume.partition(":")
        assert place == "/data"
        assert name in COMPOSE["volumes"]
        assert server["depends_on"] == {key: {"condition": "service_healthy"} for key in ("postgres", "redis")}
    others = {name: s for name, s in COMPOSE["services"].items() if s not in COMPOSED_SERVERS}
    assert others.keys() == {"postgres", "redis"}
    assert all("healthcheck" in service and "ports" not in service for service in others.values())
    named = {secret for service in COMPOSE["services"].values() for secret in service.get("secrets", ())}
    assert named == COMPOSE["secrets"].keys()


@pytest.mark.parametrize("variables", [COMPOSED_SERVERS[0]["environment"], CONFIG], ids=["compose", "kube"])
def test_what_is_set_is_a_setting_and_no_secret(variables: dict[str, str]) -> None:
    assert variables.keys() <= VARIABLES
    secrets = {s.variable for s in SETTINGS if s.is_secret}
    assert not variables.keys() & secrets
    wanted = ("HTTP_ISSUER", "HTTP_URL", "DATABASE", "DATABASE_PASSWORD_FILE", "DATABASE_KEY_FILE", "REDIS")
    assert {f"{VARIABLE_PREFIX}{name}" for name in wanted} <= variables.keys()
    for name in variables.keys() & {name for name in variables if name.endswith(FILE_SUFFIX)}:
        assert variables[name].startswith("/run/secrets/")


@pytest.mark.parametrize("source", ["compose", "kube"])
def test_the_settings_of_the_manifests_are_understood(tmp_path: Path, source: str) -> None:
    variables = {"compose": COMPOSED_SERVERS[0]["environment"], "kube": CONFIG}[source]
    values = {"ISSUER": "https://login.example.com/", "PUBLIC_URL": "https://shops.example.com", "APP_KEY": "a-key"}
    filled = {name: re.sub(r"\$\{(\w+):.*\}", lambda m: values.get(m[1], ""), text) for name, text in variables.items()}
    for name, text in variables.items():
        if name.endswith(FILE_SUFFIX):
            secret = tmp_path / text.rpartition("/")[2]
            secret.write_text("a-secret-of-nobody", encoding="utf-8")
            filled[name] = str(secret)
    settings = read_settings(filled)
    assert urlsplit(settings.database).username == "shop"
    assert settings.database_password.get_secret_value() == "a-secret-of-nobody"
    assert settings.http_url == "https://shops.example.com"
    assert settings.http_tenant_claim == {"compose": "", "kube": "org"}[source]


def test_the_databases_that_the_settings_name_are_there() -> None:
    composed = COMPOSED_SERVERS[0]["environment"]
    services = {
        find_document(MANIFESTS / f"{name}.yaml", "Service")["metadata"]["name"]: name for name in ("postgres", "redis")
    }
    for variable, name in (("TIKTOK_SHOP_DATABASE", "postgres"), ("TIKTOK_SHOP_REDIS", "redis")):
        assert urlsplit(composed[variable]).hostname == name
        assert services[str(urlsplit(CONFIG[variable]).hostname)] == name
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    files = [text for name, text in CONFIG.items() if name.endswith(FILE_SUFFIX)]
    assert {file.rpartition("/")[0] for file in files} == {mounts["secrets"]}


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
    assert volumes == {"tmp": "emptyDir", "secrets": "secret"}
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


def test_there_are_two_servers_each_with_a_volume_of_its_own() -> None:
    assert SERVERS["spec"]["replicas"] == 2
    assert [claim["metadata"]["name"] for claim in SERVERS["spec"]["volumeClaimTemplates"]] == ["data"]
    budget = find_document(MANIFESTS / "servers.yaml", "PodDisruptionBudget")["spec"]
    assert budget["minAvailable"] == 1
    assert budget["selector"] == SERVERS["spec"]["selector"]


@pytest.mark.parametrize(("name", "kind"), [("postgres", "StatefulSet"), ("redis", "Deployment")])
def test_the_databases_are_held_to_as_little_and_reached_by_the_servers_alone(name: str, kind: str) -> None:
    pod = find_document(MANIFESTS / f"{name}.yaml", kind)["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"] == CONTAINER["securityContext"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    policies = read_documents(MANIFESTS / "network-policy.yaml")
    (policy,) = [p["spec"] for p in policies if "matchExpressions" in p["spec"]["podSelector"]]
    (expression,) = policy["podSelector"]["matchExpressions"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] in expression["values"]
    (rule,) = policy["ingress"]
    assert rule["from"] == [{"podSelector": SERVERS["spec"]["selector"]}]
    assert "egress" not in policy


def test_no_variable_that_a_cluster_makes_up_stops_the_start() -> None:
    service = read_yaml(MANIFESTS / "service.yaml")["metadata"]["name"]
    assert POD["enableServiceLinks"] is False
    assert not service.upper().replace("-", "_").startswith(VARIABLE_PREFIX)


def test_the_manifests_belong_together() -> None:
    labels = SERVERS["spec"]["template"]["metadata"]["labels"]
    service = read_yaml(MANIFESTS / "service.yaml")["spec"]
    policy = read_documents(MANIFESTS / "network-policy.yaml")[0]["spec"]
    assert labels
    assert SERVERS["spec"]["selector"]["matchLabels"] == labels
    assert service["selector"] == labels
    assert policy["podSelector"]["matchLabels"] == labels
    port_names = {port["name"] for port in CONTAINER["ports"]}
    assert {port["targetPort"] for port in service["ports"]} == {"http"} < port_names
    open_ports = [port["port"] for rule in policy["ingress"] if "from" not in rule for port in rule["ports"]]
    assert open_ports == ["http"]
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


def test_each_library_is_installed_in_the_version_that_it_was_tried_with() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    wanted = {re.split(r"[\[><=~! ;]", line)[0].lower() for line in lines} - {project["name"]}
    pins = (PROJECT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-").splitlines()
    assert wanted <= {line.partition("==")[0] for line in pins if "==" in line}
