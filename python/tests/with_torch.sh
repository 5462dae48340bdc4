#!/usr/bin/env bash
# Runs the tests of PyTorch modules with the frameworks that they need: `with_torch.sh PYTHON FOLDER`, where PYTHON has
# snnc and pytest installed. Debian's PyTorch is for processors alone and small; it is unpacked into FOLDER and installs
# nothing. Where there is none for this Python, nothing is run.
set -euo pipefail
python=$1 folder=$2
cd "$(dirname "$0")/../.."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir -p "$folder"/{packages/partial,frameworks}
folder=$(cd "$folder" && pwd)
if ! apt-cache show python3-torch 2>/dev/null | grep -q "^Depends:.*python3-torch\|python$version"; then
    apt-get update -qq >/dev/null 2>&1 || true
fi
if ! apt-cache show python3-torch 2>/dev/null | grep "^Depends:" | grep -q "python$version"; then
    echo "no PyTorch for Python $version among the system's packages: its tests are skipped"
    exit 0
fi
apt-get install -y -qq --no-install-recommends --download-only -o "Dir::Cache::archives=$folder/packages" python3-torch \
    >/dev/null
for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done
# Not their dependencies: those would be another PyTorch.
"$python" -m pip install -q --no-deps --target "$folder/frameworks" spikingjelly==0.0.0.0.14 snntorch==1.0.0 nir nirtorch pillow
lib=usr/lib/$(uname -m)-linux-gnu
for part in lib/$(uname -m)-linux-gnu usr/lib $lib $lib/blas $lib/lapack; do
    export LD_LIBRARY_PATH="$folder/$part${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
# Debian's NumPy is the one that its PyTorch knows.
export PYTHONPATH="$folder/usr/lib/python3/dist-packages:$folder/frameworks"
# Plugins of pytest may want newer packages than those.
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 "$python" -m pytest -q -p no:cacheprovider python/tests/test_torch*.py
