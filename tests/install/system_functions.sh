# Sourced by tests/install/needs.sh and scripts/foreign.sh.

# check_system_functions PAGE ROW...: the names on stdin, one a line, are in these rows of the table in docs/mobile.md
# (whose first cell ROW is a part of), but for names that compilers make. Prints those that are not.
check_system_functions() {
    local page=$1 row listed
    shift
    listed=$(for row in "$@"; do
        sed '1,/^<!-- needs -->$/d' "$page" | awk -F'|' -v row="$row" 'index($2, row) { print $3; found = 1 } END { exit !found }' ||
            echo "NO_SUCH_ROW_$row"
    done | tr -s ' ' '\n' | sort -u)
    if grep -q NO_SUCH_ROW <<<"$listed"; then
        echo "$page has no row for: $(grep NO_SUCH_ROW <<<"$listed")"
        return 1
    fi
    ! sed -E 's/[@$].*//; s/64$//' | grep -vE '^_|^(bcmp|bzero|dyld_stub_binder)$' | grep -vxF -f <(printf '%s\n' "$listed")
}
