"""Compiles the modules that a simulated attempt goes through, where HATCH_BUILD_HOOKS_ENABLE=1 asks for it.

The sources stay in the wheel beside what they were compiled to, which comes before them when it is imported.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileHook(BuildHookInterface[BuilderConfig]):
    """A build hook of hatchling; its option `modules` lists the files."""

    _scratch: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile them, aside, and add the results to the wheel.

        Args:
            version: Of the kind of wheel; an editable one is left as it is: what is compiled would hide
                what is edited.
            build_data: What hatchling puts into the wheel.
        """
        if version == "editable":
            return
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
        if shutil.which(compiler) is None:
            sys.exit(
                "HATCH_BUILD_HOOKS_ENABLE asks for a compiled simulation, which takes a C compiler, and "
                f"there is no {compiler!r}. Install one, or name yours in CC; or leave the variable out, "
                "then nothing is compiled, and all works the same."
            )
        # Not above: an editable installation, or one without a compiler, goes without them.
        from mypyc.build import mypycify
        from setuptools import Distribution

        self._scratch = tempfile.TemporaryDirectory()
        scratch = Path(self._scratch.name)
        modules: list[str] = self.config["modules"]
        extensions = mypycify(
            # Types that are missing here, those of clients of queues, concern none of these modules.
            [
                "--config-file=",
                f"--cache-dir={scratch / 'cache'}",
                "--follow-imports=silent",
                "--ignore-missing-imports",
                *modules,
            ],
            target_dir=str(scratch / "c"),
        )
        command = Distribution({"name": "simulation", "ext_modules": extensions}).get_command_obj("build_ext")
        made = scratch / "made"
        command.build_lib, command.build_temp = str(made), str(scratch / "objects")
        command.ensure_finalized()
        command.run()
        for path in sorted(made.rglob("*.so")):
            build_data["force_include"][str(path)] = str(path.relative_to(made))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clear up."""
        if self._scratch is not None:
            self._scratch.cleanup()
