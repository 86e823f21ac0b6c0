# Makes one C file of the library's sources; scripts/amalgamate.sh says which, and in which order.
#
#   awk -v ROOT=. -v SOURCES="base/base.c ..." -v LAST="engine/..." -f amalgamate.awk      the result goes to standard output
#
# Both are below ROOT/src. The order of SOURCES is free, since headers declare everything: those that include least come first, so
# that few macros meet files that know nothing of them. The order of LAST is kept; there, what stands between "#if..." and "#endif"
# is for some platforms alone, with "~" written for a space.
#
# - An include of ours is replaced by the file: a header the first time only, a list (.def) each time.
# - Functions of one room that others call become static: what their declarations and definitions begin with is
#   WPLUG_PRIVATE then. That leaves the names of the public header.
# - A name that several .c files define for themselves gets the file's name before it: `push` of engine/translate.c is
#   engine_translate_push. What follows a "." or "->" is a member, and stays.
# - Macros of a .c file end with it. One of a header that stands before a file which uses the name, but not the header, is
#   refused: the file would now mean something else.
#
# It knows as much of C as it takes, in the form that clang-format gives it: tokens, brackets, and what a declaration outside
# of brackets begins with. What it cannot do it refuses, and what it gets wrong does not compile.

function refuse(message) {
    print "amalgamate: " message >"/dev/stderr"
    failed = 1
    exit 1
}

# ---- Tokens ----------------------------------------------------------------------------------------------------

# Takes the next token off `rest`, into `token` and `kind`: space, comment, name, text, number or sign.
function next_token() {
    if (in_comment) {
        kind = "comment"
        if (match(rest, /\*\//)) {
            in_comment = 0
            return take(RSTART + 1)
        }
        return take(length(rest))
    }
    if (match(rest, /^[ \t]+/)) {
        kind = "space"
        return take(RLENGTH)
    }
    if (substr(rest, 1, 2) == "/*") {
        kind = "comment"
        in_comment = 1
        if (match(substr(rest, 3), /\*\//)) {
            in_comment = 0
            return take(RSTART + 3)
        }
        return take(length(rest))
    }
    if (substr(rest, 1, 2) == "//") {
        kind = "comment"
        return take(length(rest))
    }
    if (match(rest, /^[A-Za-z_][A-Za-z0-9_]*/)) {
        kind = "name"
        return take(RLENGTH)
    }
    if (match(rest, /^"([^"\\]|\\.)*"/) || match(rest, /^'([^'\\]|\\.)*'/)) {
        kind = "text"
        return take(RLENGTH)
    }
    if (match(rest, /^[0-9]([0-9A-Za-z_.]|[eEpP][-+])*/)) {
        kind = "number"
        return take(RLENGTH)
    }
    kind = "sign"
    if (substr(rest, 1, 2) == "->") return take(2)
    return take(1)
}

function take(count) {
    token = substr(rest, 1, count)
    rest = substr(rest, count + 1)
    return 1
}

# ---- Declarations ----------------------------------------------------------------------------------------------

function begin_declaration() {
    first = ""         # its first word
    last_name = ""     # the name seen last
    last_word = ""     # struct, enum or union, where that is what stood before it
    declared = ""      # the function, variable or type that it is about
    is_function = 0
    has_value = 0      # something behind "="
    in_prefix = 0      # inside of the brackets of a macro or attribute before it
}

function begin_file() {
    in_comment = 0
    braces = 0
    brackets = 0
    enum_depth = -1
    continued = 0
    before = ""
    begin_declaration()
}

# Follows a token of C outside of the preprocessor's lines; calls `note` with each name that the file defines for itself.
# `place` is where the token stands in the output.
function follow(place) {
    if (kind == "space" || kind == "comment") return
    if (braces == enum_depth && kind == "name" && (before == "{" || before == ",")) note(token)
    before = token
    if (braces == 0 && brackets == 0) {
        if (kind == "name") {
            if (first == "") {
                first = token
                start = place
            }
            if (token ~ /^(struct|enum|union)$/) {
                last_word = token
            } else if (token !~ /^(__attribute__|_Alignas)$/) {
                last_name = token
            }
            return
        }
        if (token == "(" && !is_function && !has_value) {
            # BASE_PRINTF(2, 3) and the like stand before a declaration, or are one of their own.
            if (first == last_name && (first ~ /^[A-Z][A-Z0-9_]*$/ || first == "__attribute__") || last_name == "") {
                in_prefix = 1
            } else if (first !~ /^(_Static_assert|static_assert|typedef)$/) {
                is_function = 1
                declared = last_name
                if (first == "static") note(declared)
                else if (first != "extern" && declared !~ /^wplug_/) private[start] = 1
            }
        } else if (token == "[" || token == "=" || token == "," || token == ";") {
            if (!is_function && !has_value && declared == "") {
                declared = last_name
                if (first == "static" || first == "typedef") note(declared, first == "typedef")
            }
            if (token == "=") has_value = 1
        }
    }
    if (token == "{") {
        if (braces == 0 && (last_word == "struct" || last_word == "enum" || last_word == "union") && !is_function &&
            !has_value) {
            if (last_name != "" && last_name != first) note(last_name, 1)
            if (last_word == "enum") enum_depth = 1
            last_name = ""
        }
        braces++
    } else if (token == "}") {
        braces--
        enum_depth = -1
        if (braces == 0 && is_function) begin_declaration()
    } else if (token == "(" || token == "[") {
        brackets++
    } else if (token == ")" || token == "]") {
        brackets--
        if (brackets == 0 && braces == 0 && in_prefix) begin_declaration()
    } else if (token == ";" && braces == 0 && brackets == 0) {
        begin_declaration()
    }
}

# In the first pass: `current` defines `name` for itself. A name may come more than once in a file.
function note(name, is_type) {
    if (pass != 1 || name == "" || current !~ /\.c$/ || (name, current) in seen) return
    seen[name, current] = is_type ? "type" : "value"
    definers[name]++
}

# Whether the file's own `name` needs another one. A type that headers speak of too (struct os_signal) is everybody's.
function is_ambiguous(name, path) {
    return (name, path) in seen && definers[name] > 1 && !(seen[name, path] == "type" && name in header_names)
}

# ---- The first pass: who defines, includes and uses what ----------------------------------------------------------

function survey(path,    line, is_directive, name) {
    if (path in surveyed) return
    surveyed[path] = 1
    current = path
    begin_file()
    while ((getline line < (ROOT "/src/" path)) > 0) {
        is_directive = !in_comment && (continued || line ~ /^[ \t]*#/)
        if (is_directive && !continued) {
            name = line
            if (sub(/^[ \t]*#[ \t]*include[ \t]*"/, "", name)) {
                sub(/".*/, "", name)
                if (name !~ /^wplug\//) {
                    includes[path] = includes[path] " " name
                    waiting[++last_waiting] = name
                }
            } else if (sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)) {
                sub(/[^A-Za-z0-9_].*/, "", name)
                if (path !~ /\.c$/) defines[name, path] = 1
            } else if (sub(/^[ \t]*#[ \t]*undef[ \t]+/, "", name)) {
                delete defines[name, path]
            }
        }
        continued = is_directive && line ~ /\\$/
        rest = line
        while (rest != "") {
            next_token()
            if (kind == "name") uses[token, path] = 1
            if (kind == "name") all_names[token] = 1
            if (kind == "name" && path ~ /\.h$/) header_names[token] = 1
            if (!is_directive && path !~ /\.def$/) follow("")
        }
    }
    close(ROOT "/src/" path)
    if (braces != 0 || brackets != 0) refuse(path ": brackets do not match: does an #if open one twice?")
}

# Everything that `path` includes, however indirectly, goes into `sees`.
function collect(top, path,    names, i, count) {
    if ((top, path) in sees) return
    sees[top, path] = 1
    count = split(includes[path], names, " ")
    for (i = 1; i <= count; i++) collect(top, names[i])
}

# A macro of a header that is in the output already and that `path` knows nothing of.
function check_macros(path,    macro, part) {
    for (macro in defines) {
        split(macro, part, SUBSEP)
        if (part[2] in added && (part[1], path) in uses && !((path, part[2]) in sees))
            refuse(path " uses the name " part[1] ", which is a macro of " part[2])
    }
}

# Those of `list` that include least come first; those that include as much stay as they are.
function sort_sources(list, count,    i, j, held, part, entry, size) {
    for (entry in sees) {
        split(entry, part, SUBSEP)
        size[part[1]]++
    }
    for (i = 2; i <= count; i++) {
        held = list[i]
        for (j = i - 1; j >= 1 && size[list[j]] > size[held]; j--) list[j + 1] = list[j]
        list[j + 1] = held
    }
}

# ---- The second pass: the output --------------------------------------------------------------------------------

# Adds a file to the output. `owner` is the .c file whose names it uses: itself, or who includes the list.
function add(path, owner,    line, is_directive, text, name, depth, was, file, list, i, count, is_list, is_source) {
    file = ROOT (path ~ /^wplug\// ? "/include/" : "/src/") path
    is_list = path ~ /\.def$/
    is_source = path ~ /\.c$/
    if (!is_list && path in added) return
    if (is_source) check_macros(path)
    added[path]++
    if (!is_list) {
        emit("")
        emit("/* ==== src/" path " " substr(rule, length(path)) " */")
    }
    current = owner
    begin_file()
    count = 0
    was = 0
    while ((was = (getline line < file)) > 0) {
        count++
        is_directive = !in_comment && (continued || line ~ /^[ \t]*#/)
        continued = is_directive && line ~ /\\$/
        if (is_directive && line ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
            name = line
            sub(/^[^"]*"/, "", name)
            sub(/".*/, "", name)
            if (name ~ /^wplug\//) continue # at the top
            if (name !~ /\.def$/ && name in added) continue
            # What is included has a state of its own.
            list = in_comment SUBSEP braces SUBSEP brackets SUBSEP first SUBSEP last_name SUBSEP last_word SUBSEP declared \
                SUBSEP is_function SUBSEP has_value SUBSEP start SUBSEP enum_depth SUBSEP before
            if (braces && name !~ /\.def$/) refuse(path ": includes " name " inside of braces")
            add(name, name ~ /\.def$/ ? owner : name)
            split(list, saved, SUBSEP)
            in_comment = saved[1]; braces = saved[2]; brackets = saved[3]; first = saved[4]; last_name = saved[5]
            last_word = saved[6]; declared = saved[7]; is_function = saved[8]; has_value = saved[9]; start = saved[10]
            enum_depth = saved[11]; before = saved[12]
            continued = 0
            in_prefix = 0
            current = owner
            continue
        }
        if (is_directive && is_source && line ~ /^[ \t]*#[ \t]*define[ \t]/) {
            name = line
            sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)
            sub(/[^A-Za-z0-9_].*/, "", name)
            # Names with an underscore first ask the system's headers for something; WPLUG_ is for whoever compiles.
            if (name !~ /^(_|WPLUG_)/) macros[path] = macros[path] " " name
        }
        # The lists come several times: their comments do not.
        if (is_list && added[path] > 1 && !is_directive) {
            if (line == "") continue
        }
        text = ""
        rest = line
        depth = 0
        while (rest != "") {
            next_token()
            if (kind == "comment" && is_list && added[path] > 1) continue
            if (kind == "name" && last_sign != "." && last_sign != "->" && is_ambiguous(token, owner))
                token = prefix(owner) token
            if (kind != "space" && kind != "comment") last_sign = token
            if (!is_directive && !is_list) follow(lines + 1 SUBSEP length(text))
            text = text token
        }
        if (is_list && added[path] > 1 && text ~ /^[ \t]*$/ && line !~ /^[ \t]*$/) continue
        emit(text)
    }
    if (was < 0) refuse("cannot read " file)
    close(file)
    if (count == 0) refuse(file " is empty")
    if (is_source) {
        split(macros[path], list_of, " ")
        for (i = 1; i in list_of; i++)
            if (!((path, list_of[i]) in ended)) {
                ended[path, list_of[i]] = 1
                emit("#undef " list_of[i])
            }
    }
}

# engine/translate.c: engine_translate_
function prefix(path) {
    sub(/\.[a-z]*$/, "", path)
    gsub(/[^A-Za-z0-9]/, "_", path)
    return path "_"
}

function emit(text) {
    output[++lines] = text
}

BEGIN {
    rule = sprintf("%100s", "")
    gsub(/ /, "=", rule)
    source_count = split(SOURCES, sources, " ")
    free_count = source_count
    last_count = split(LAST, last_sources, " ")
    for (s = 1; s <= last_count; s++) sources[++source_count] = last_sources[s]
    pass = 1
    for (s = 1; s <= source_count; s++)
        if (sources[s] !~ /^#/) survey(sources[s])
    for (s = 1; s <= last_waiting; s++) survey(waiting[s])
    for (path in surveyed) collect(path, path)
    sort_sources(sources, free_count)
    for (entry in seen) {
        split(entry, part, SUBSEP)
        if (is_ambiguous(part[1], part[2]) && (prefix(part[2]) part[1]) in all_names)
            refuse(part[1] " of " part[2] " needs another name, and " prefix(part[2]) part[1] " is taken: rename it")
    }
    pass = 2
    for (s = 1; s <= source_count; s++) {
        if (sources[s] ~ /^#/) {
            directive = sources[s]
            gsub(/~/, " ", directive)
            emit("")
            emit(directive)
            # What came in between is not there for all; the next who includes it brings it again, and its guard sees to the rest.
            for (path in added)
                if (directive == "#endif" && !(path in before_if) && path ~ /\.h$/) delete added[path]
            for (path in added) before_if[path] = 1
        } else {
            add(sources[s], sources[s])
        }
    }
    for (place in private) {
        split(place, at, SUBSEP)
        line_number = at[1] + 0
        output[line_number] = substr(output[line_number], 1, at[2]) "WPLUG_PRIVATE " substr(output[line_number], at[2] + 1)
    }
    for (l = 1; l <= lines; l++) print output[l]
}
END {
    if (failed) exit 1
}
