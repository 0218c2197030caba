"""Reading the repository as text: which files belong to it, and what a Python file imports."""

import ast
import subprocess
from pathlib import Path

SKIPPED = {'.git', '.venv', '.uv', 'shared', 'runs', 'build', 'dist', 'work_dirs', 'demo_output'}
TEXT = {'.py', '.md', '.toml', '.txt', '.sh', '.json', '.yaml', '.yml', '.cfg', '.html', ''}


def repository_files(root: Path) -> list[Path]:
    """Files that git tracks or would track; without git, all files outside the ignored folders."""
    try:
        command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard']
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
        paths = [root / line for line in listed]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in root.rglob('*') if not SKIPPED.intersection(path.relative_to(root).parts)]
    return sorted(path for path in paths if path.is_file() and '__pycache__' not in path.parts)


def python_files(root: Path, folder: str) -> list[Path]:
    return [path for path in repository_files(root) if path.suffix == '.py' and path.is_relative_to(root / folder)]


def imported_modules(source: str, top_level_only: bool = False) -> set[str]:
    """Dotted names of all modules that a Python source imports, `importlib.import_module('...')` included."""
    tree = ast.parse(source)
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('import_module') and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                names.add(first.value)
    return names
