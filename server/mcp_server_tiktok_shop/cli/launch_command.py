"""How another program starts this installation."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def find_launch_command() -> list[str]:
    """Program and arguments, with absolute paths: chat clients start servers without a shell's PATH."""
    script = Path(sys.executable).with_name("mcp-server-tiktok-shop" + (".exe" if sys.platform == "win32" else ""))
    if script.exists():
        return [str(script)]
    script_on_path = shutil.which("mcp-server-tiktok-shop")
    if script_on_path is not None:
        return [str(Path(script_on_path).absolute())]
    return [sys.executable, "-m", "mcp_server_tiktok_shop"]
