#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# packaging/debian, held against the tree without building it; tools/package builds it, tests/package installs it.
load support

prepare() {
    debian=$source_tree/packaging/debian
}

@test "the symbols file lists what the libraries export" {
    "$source_tree/tools/check_abi"
}

@test "a symbol that goes is told" {
    mkdir -p tree/tools tree/packaging/debian
    cp "$source_tree/CMakeLists.txt" tree/
    cp "$source_tree/tools/check_abi" tree/tools/
    sed '/^ weir_job_create@/s/create/made/' "$debian/libweir0.symbols" >tree/packaging/debian/libweir0.symbols
    run tree/tools/check_abi
    [ "$status" -eq 1 ]
    [[ $output == *'- weir_job_made@WEIR_0.1'* && $output == *'+ weir_job_create@WEIR_0.1'* ]]
}

@test "the package has the version of the tree" {
    version=$(sed -nE 's/^project\(weir VERSION ([0-9.]+).*/\1/p' "$source_tree/CMakeLists.txt")
    head -n 1 "$debian/changelog" | grep -q "^weir ($version) "
}

@test "each file that is installed is in one package" {
    cmake --install "$WEIR_BUILD" --prefix "$PWD/usr" >/dev/null
    # GNUInstallDirs has a directory of the architecture only below /usr.
    sed -E 's# .*##; s#^usr/lib/\*/#usr/lib/#' "$debian"/*.install | sort >patterns
    [ "$(wc -l <patterns)" -eq "$(sort -u patterns | wc -l)" ]
    while IFS= read -r pattern; do
        compgen -G "$pattern" >found || { echo "$pattern matches nothing"; return 1; }
        while IFS= read -r path; do
            find "$path" ! -type d
        done <found
    done <patterns | sort >packed
    find usr ! -type d | sort >installed
    [ "$(wc -l <installed)" -gt 50 ]
    diff installed packed
}

@test "each package has words and each module is one that is built" {
    for package in $(sed -nE 's/^Package: //p' "$debian/control"); do
        sed -n "/^Package: $package\$/,/^\$/p" "$debian/control" | grep -q '^Description: .\{20,\}'
    done
    for module in ROCKSDB SERVE HTTP; do
        grep -q -- "-DWEIR_$module=ON" "$debian/rules"
        grep -rq "^set(WEIR_$module AUTO" "$source_tree/cmake"
    done
}
