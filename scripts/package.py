"""Builds what the server is handed out as into `dist/`, and tries each: `make package`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it finds its modules from the project's root

from scripts.packages.bundle import write_bundle_folder
from scripts.packages.facts import PROJECT, Facts
from scripts.packages.plugin import write_plugin_folder
from scripts.packages.registry_entry import make_registry_entry, make_registry_name
from scripts.packages.trial import TrialError, try_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

STEP_TIMEOUT_S = 900.0  # the first start of a bundle fetches all that it needs


class StepError(Exception):
    """A step that went wrong, with what its program said."""


class PreconditionError(Exception):
    """A step that can't be done here: its program is not installed, or nobody said what it needs."""


@dataclass(slots=True)
class Packaging:
    """One run: where programs are, what is built, what each step came to."""

    facts: Facts
    tools: Path
    output: Path
    failures: list[str] = field(default_factory=list)

    def run_step(self, title: str, step: Callable[[], str]) -> None:
        """Do a step and say what came of it; the next ones are done whatever came."""
        try:
            print(f"{title}: {step()}")
        except PreconditionError as error:
            print(f"{title}: skipped, {error}")
        except (StepError, TrialError) as error:
            self.failures.append(title)
            print(f"{title}: FAILED\n{error}")

    def run_tool(self, program: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run a program of the tools' folder, or of npm's beside it; gives what it printed."""
        places = [self.tools / "bin" / program, self.tools / "node_modules" / ".bin" / program]
        path = next((place for place in places if place.exists()), None)
        if path is None:
            raise PreconditionError(f"{program} could not be installed")
        return run([path, *arguments], environment)

    # ---- the steps

    def build_distributions(self) -> str:
        self.run_tool("python", "-m", "build", "--outdir", self.output, PROJECT)
        return ", ".join(sorted(path.name for path in self.find_distributions()))

    def check_distributions(self) -> str:
        self.run_tool("twine", "check", "--strict", *self.find_distributions())
        self.run_tool("check-wheel-contents", self.find_wheel())
        return "twine and check-wheel-contents found nothing"

    def try_wheel(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            run([sys.executable, "-m", "venv", folder])
            python = Path(folder) / "bin" / "python"
            run([python, "-m", "pip", "install", "--quiet", "-c", PROJECT / "constraints.txt", self.find_wheel()])
            program = Path(folder) / "bin" / self.facts.name
            return asyncio.run(try_server([str(program), "--sandbox"], self.make_environment(folder)))

    def make_bundle(self) -> str:
        folder, bundle = self.output / "mcpb", self.output / f"{self.facts.name}.mcpb"
        write_bundle_folder(self.facts, folder)
        self.run_tool("mcpb", "validate", folder / "manifest.json")
        self.run_tool("mcpb", "pack", folder, bundle)
        with zipfile.ZipFile(bundle) as archive:
            names = archive.namelist()
        if faults := [name for name in names if ".venv" in name or "__pycache__" in name or name.startswith("tests/")]:
            raise StepError(f"these do not belong into it: {faults[:5]}")
        return f"{bundle.name}, {bundle.stat().st_size / 1e6:.1f} MB, {len(names)} files"

    def try_bundle(self) -> str:
        """Unpack it and start it as its manifest says, with a form that was left as it is."""
        bundle = self.output / f"{self.facts.name}.mcpb"
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home) / "unpacked"
            self.run_tool("mcpb", "unpack", bundle, folder)
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            command, environment = fill_form(manifest, folder)
            uv = self.tools / "bin" / command[0]
            if not uv.exists():
                raise PreconditionError("uv could not be installed")
            run([uv, "sync", "--quiet", "--directory", folder, "--python", sys.executable])
            return asyncio.run(try_server([str(uv), *command[1:]], self.make_environment(home) | environment))

    def make_registry_entry(self) -> str:
        if not self.facts.owner:
            raise PreconditionError("OWNER=… says under whose name it is published")
        text = json.dumps(make_registry_entry(self.facts), indent=2, ensure_ascii=False)
        (self.output / "server.json").write_text(f"{text}\n", encoding="utf-8")
        return f"server.json; the README must say `mcp-name: {make_registry_name(self.facts)}` before it is published"

    def make_plugin(self) -> str:
        folder = self.output / "plugin"
        write_plugin_folder(self.facts, folder)
        with tempfile.TemporaryDirectory() as home:
            environment = {"HOME": home, "PATH": os.environ["PATH"]}
            arguments = ("plugin", "validate", "--strict", "--profile", "directory", folder)
            self.run_tool("claude", *arguments, environment=environment)
        return "plugin/, which `claude plugin validate --strict` finds right"

    # ---- what they need

    def find_distributions(self) -> list[Path]:
        return [path for path in self.output.iterdir() if path.suffix in {".whl", ".gz"}]

    def find_wheel(self) -> Path:
        wheels = list(self.output.glob("*.whl"))
        if not wheels:
            raise StepError("there is no wheel")
        return wheels[0]

    def make_environment(self, home: str) -> dict[str, str]:
        """An environment without settings of whoever runs this."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("TIKTOK_SHOP_")}
        return kept | {"TIKTOK_SHOP_HOME": str(Path(home) / "shop-home")}


def fill_form(manifest: Mapping[str, Any], folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command and the variables of a bundle whose form nobody has filled in."""
    values = {
        f"${{user_config.{name}}}": str(each["default"]).lower() if each["type"] == "boolean" else each["default"]
        for name, each in manifest["user_config"].items()
    }
    config = manifest["server"]["mcp_config"]
    arguments = [argument.replace("${__dirname}", str(folder)) for argument in config["args"]]
    return [config["command"], *arguments], {name: values[text] for name, text in config["env"].items()}


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end.

    Raises:
        StepError: It failed.

    """
    done = subprocess.run(  # noqa: S603 - programs of this script's own choosing
        command, check=False, capture_output=True, text=True, timeout=STEP_TIMEOUT_S, env=environment
    )
    if done.returncode:
        raise StepError(f"{done.stdout}\n{done.stderr}".strip())
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--owner", default="", help="whose account at GitHub it is published under")
    parser.add_argument("--tools", type=Path, required=True, help="folder of the virtual environment with the tools")
    parser.add_argument("--output", type=Path, default=PROJECT / "dist")
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    packaging = Packaging(Facts(options.owner), options.tools.absolute(), options.output.absolute())
    packaging.run_step("wheel and sdist", packaging.build_distributions)
    packaging.run_step("their checks", packaging.check_distributions)
    packaging.run_step("the wheel in an empty environment", packaging.try_wheel)
    packaging.run_step("bundle", packaging.make_bundle)
    packaging.run_step("the bundle unpacked", packaging.try_bundle)
    packaging.run_step("entry of the MCP registry", packaging.make_registry_entry)
    packaging.run_step("plugin", packaging.make_plugin)
    return 1 if packaging.failures else 0


if __name__ == "__main__":
    sys.exit(main())
