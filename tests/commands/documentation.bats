#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every command that weir's documentation shows is run by a test, and who would forget one is told.
load support

covered=$BATS_TEST_DIRNAME/covered

# A tree of documentation and tests, to plant mistakes in.
copy_tree() {
    mkdir -p tree/tests
    cp -r "$source_tree/README.md" "$source_tree/docs" tree/
    cp -r "$source_tree/tests/commands" tree/tests/
}

@test "every documented command is run by a test" {
    "$covered" "$WEIR_BUILD"
}

@test "a command that no test runs is told with its place" {
    copy_tree
    printf '```sh\nweir run --supervise \\\n    other.so   # for ever\n```\n' >>tree/docs/internals/time.md
    run "$covered" "$WEIR_BUILD" "$PWD/tree"
    [ "$status" -eq 1 ]
    [ "$output" = "docs/internals/time.md: no test runs: weir run --supervise other.so" ]
}

@test "a line with a prompt is a command in any block" {
    copy_tree
    printf '```\n$ weir info other.so\nsource\n```\nweir info no-command.so\n' >>tree/README.md
    run "$covered" "$WEIR_BUILD" "$PWD/tree"
    [ "$status" -eq 1 ]
    [ "$output" = "README.md: no test runs: weir info other.so" ]
}

@test "a test of what is documented nowhere is told" {
    copy_tree
    printf "%s 'weir info gone.so'\n" documented >>tree/tests/commands/verbs.bats
    run "$covered" "$WEIR_BUILD" "$PWD/tree"
    [ "$status" -eq 1 ]
    [ "$output" = "tests/commands: documented nowhere: weir info gone.so" ]
}

@test "an exemption needs a reason" {
    copy_tree
    printf '```sh\nweir info other.so\n```\n' >>tree/README.md
    printf 'weir info other.so |\n' >>tree/tests/commands/not_run.table
    run "$covered" "$WEIR_BUILD" "$PWD/tree"
    [ "$status" -eq 1 ]
    printf 'weir info other.so | its job is another one\n' >>tree/tests/commands/not_run.table
    "$covered" "$WEIR_BUILD" "$PWD/tree"
}

@test "a heredoc is refused as it cannot be told apart" {
    copy_tree
    printf '```sh\ncat >x <<END\nx\nEND\n```\n' >>tree/README.md
    run "$covered" "$WEIR_BUILD" "$PWD/tree"
    [ "$status" -ne 0 ]
    [[ $output == *"README.md: a heredoc cannot be tested: cat >x <<END"* ]]
}
