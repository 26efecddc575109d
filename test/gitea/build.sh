#!/usr/bin/env bash
# build.sh FOLDER: builds Gitea, for `make test-gitea`, into FOLDER: the program,
# and beside it the templates, options and public files that it reads at the
# start. It takes a few minutes once; a folder that is complete is left alone.
set -euo pipefail
version=v1.26.0 # the newest whose module path the Go proxy knows
folder=${1:?usage: build.sh FOLDER}
[[ -e $folder/done-$version ]] && exit 0
mkdir -p "$folder/build" "$folder/static"
cd "$folder/build"
export GOWORK=off

# Gitea's go.mod has replace lines, which `go install` refuses and which do not
# reach a module that requires it: this one repeats them.
info=$(cd / && go mod download -json "code.gitea.io/gitea@$version")
field() { sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" <<<"$info"; }
{
	echo "module gitea.test"
	grep '^go ' "$(field GoMod)"
	echo "tool code.gitea.io/gitea"
	echo "require code.gitea.io/gitea $version"
	grep '^replace ' "$(field GoMod)"
} >go.mod
GOFLAGS=-mod=mod go get -tool "code.gitea.io/gitea@$version"
CGO_ENABLED=1 nice -n 15 go build -trimpath -ldflags '-s -w' -tags 'sqlite sqlite_unlock_notify' -o "$folder/gitea" code.gitea.io/gitea
for d in templates options public; do
	cp -r --no-preserve=mode "$(field Dir)/$d" "$folder/static/"
done
# Gitea refuses to run as root; then the test runs it as nobody, who must be
# able to read all of this.
chmod -R a+rX "$folder/static"
chmod a+rx "$folder/gitea"
touch "$folder/done-$version"
