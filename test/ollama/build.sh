#!/usr/bin/env bash
# build.sh FOLDER: builds Ollama, for `make test-ollama`, into FOLDER. It takes
# about eight minutes once; a folder that has the program is left alone.
set -euo pipefail
version=v0.6.5 # later module zips lack the headers of their C++ parts
folder=${1:?usage: build.sh FOLDER}
[[ -x $folder/ollama ]] && exit 0
mkdir -p "$folder"
cd "$folder"
GOWORK=off GOBIN="$folder" CGO_ENABLED=1 nice -n 15 go install -ldflags '-s -w' "github.com/ollama/ollama@$version"
