/* The wplug command: finds the subcommand. */
#include "cli.h"
#include "system.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *help;
} subcommands[] = {
    {"call", cli_call, "call a method of a plugin and print its result"},
    {"run", cli_run, "run a WASI command, or one exported function of a module"},
    {"inspect", cli_inspect, "say what a module is, what it needs and what it offers"},
};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof *subcommands };

static int print_help(void) {
    puts("usage: wplug SUBCOMMAND [OPTION...] ...\n"
         "\n"
         "Runs WebAssembly plugins in a sandbox: no files, no network, hard limits.\n");
    puts("Subcommands:");
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        printf("  %-10s%s\n", subcommands[i].name, subcommands[i].help);
    puts("\n"
         "Options:\n"
         "  --help     show this; `wplug SUBCOMMAND --help` tells about a subcommand\n"
         "  --version  show the version");
    return cli_finish_stdout() ? CLI_OK : CLI_FAILED;
}

int main(int count, char **arguments) {
    system_start(&count, &arguments);
    if (count < 2) return cli_wrong_usage("", "a subcommand is missing");
    const char *name = arguments[1];
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        if (strcmp(name, subcommands[i].name) == 0) return subcommands[i].run(count - 2, arguments + 2);
    if (name[0] != '-') return cli_wrong_usage("", "unknown subcommand %s", name);
    bool is_version = strcmp(name, "--version") == 0;
    if (!is_version && strcmp(name, "--help") != 0 && strcmp(name, "-h") != 0)
        return cli_wrong_usage("", "unknown option %s", name);
    if (count > 2) return cli_wrong_usage("", "%s stands alone, and not before %s", name, arguments[2]);
    if (!is_version) return print_help();
    printf("wplug %s\n", wplug_version());
    return cli_finish_stdout() ? CLI_OK : CLI_FAILED;
}
