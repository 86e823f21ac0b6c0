/* Owns the command: options, the suite's folders and files, and the totals.
 *
 *     spec-runner [OPTION]... SUITE
 *
 * SUITE is the unpacked suite: a folder of folders of scripts. Exits with 0 where nothing failed and no proposal
 * but GC is missing, else with 1; with 2 where nothing could be run. */
#include "engine/features.h"
#include "spec.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>

static const char usage[] =
    "usage: spec-runner [option]... SUITE\n"
    "  --load-only         load modules and refuse bad ones, run nothing\n"
    "  --slice N           run in slices of N units of fuel; the host's functions pend once each call\n"
    "  --threads           run every other slice on a second thread\n"
    "  --answers FILE      write the results, traps and fuel of each run\n"
    "  --filter TEXT,...   only scripts whose folder/name contains one of these\n"
    "  -v                  show what is skipped or not supported\n";

/* The entries of a folder that end in `suffix`, sorted; without those that start with a dot. */
typedef struct spec_listing {
    char **names;
    size_t count;
} spec_listing;

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_in(const char *name, const char *suffix) {
    size_t length = strlen(name), suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

static bool list_folder(const char *path, const char *suffix, spec_listing *out) {
    *out = (spec_listing){0};
    DIR *folder = opendir(path);
    if (!folder) return false;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || !ends_in(entry->d_name, suffix)) continue;
        char **names = realloc(out->names, (out->count + 1) * sizeof *names);
        char *name = strdup(entry->d_name);
        if (!names || !name) exit(2);
        out->names = names;
        out->names[out->count++] = name;
    }
    closedir(folder);
    if (out->count) qsort(out->names, out->count, sizeof *out->names, compare_names);
    return true;
}

static void free_listing(spec_listing *listing) {
    for (size_t i = 0; i < listing->count; i++) free(listing->names[i]);
    free(listing->names);
}

static void add_totals(spec_totals *sum, const spec_totals *totals) {
    sum->passed += totals->passed;
    sum->failed += totals->failed;
    sum->skipped += totals->skipped;
    for (unsigned i = 0; i < SPEC_FEATURES; i++) sum->unsupported[i] += totals->unsupported[i];
}

static const char *feature_name(unsigned bit) {
    return bit < SPEC_FEATURES - 1 ? engine_feature_name((engine_feature)(1u << bit)) : "unnamed";
}

static void print_folder(const char *name, const spec_totals *totals) {
    printf("%-14s %6" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped", name, totals->passed,
           totals->failed, totals->skipped);
    for (unsigned i = 0; i < SPEC_FEATURES; i++)
        if (totals->unsupported[i])
            printf(", %" PRIu64 " unsupported (%s)", totals->unsupported[i], feature_name(i));
    printf("\n");
    fflush(stdout);
}

/* Whether the label contains one of the texts between the commas. */
static bool is_chosen(const char *label, const char *texts) {
    for (const char *text = texts;; text++) {
        size_t length = strcspn(text, ",");
        for (const char *at = label; *at; at++)
            if (strncmp(at, text, length) == 0) return true;
        text += length;
        if (!*text) return false;
    }
}

/* Runs the scripts of one folder. False where it is none, or one of its scripts cannot be read. */
static bool run_folder(const spec_options *options, const char *suite, const char *name, spec_totals *sum) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/%s", suite, name);
    spec_listing scripts;
    if (!list_folder(folder, ".json", &scripts)) return true; /* a file beside the folders */
    spec_totals totals = {0};
    bool well = true, any = false;
    for (size_t i = 0; i < scripts.count; i++) {
        char path[2048], label[1024];
        snprintf(path, sizeof path, "%s/%s", folder, scripts.names[i]);
        snprintf(label, sizeof label, "%s/%.*s", name, (int)(strlen(scripts.names[i]) - 5), scripts.names[i]);
        if (options->filter && !is_chosen(label, options->filter)) continue;
        any = true;
        well = spec_script_run(options, folder, path, label, &totals) && well;
    }
    free_listing(&scripts);
    if (any) print_folder(name, &totals);
    add_totals(sum, &totals);
    return well;
}

/* What no build runs, and what this one was built without. */
enum { LEFT_OUT = ENGINE_FEATURE_GC | (WPLUG_SIMD ? 0 : ENGINE_FEATURES_OF_SIMD) };

static int run_suite(const spec_options *options, const char *suite) {
    spec_listing folders;
    if (!list_folder(suite, "", &folders)) {
        fprintf(stderr, "spec-runner: cannot open %s\n", suite);
        return 2;
    }
    spec_totals sum = {0};
    bool well = true;
    for (size_t i = 0; i < folders.count; i++)
        well = run_folder(options, suite, folders.names[i], &sum) && well;
    free_listing(&folders);
    for (unsigned i = 0; i < SPEC_FEATURES; i++) {
        if (!sum.unsupported[i]) continue;
        printf("unsupported: %s: %" PRIu64 "\n", feature_name(i), sum.unsupported[i]);
        if (!(1u << i & LEFT_OUT)) well = false;
    }
    printf("spec: %" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", sum.passed, sum.failed,
           sum.skipped);
    if (sum.passed + sum.failed == 0) {
        fprintf(stderr, "spec-runner: nothing to run in %s\n", suite);
        return 2;
    }
    return well && sum.failed == 0 ? 0 : 1;
}

/* Reads the command line into `options`. Returns the suite's folder, or NULL where the usage is wrong. */
static const char *read_options(int argc, char **argv, spec_options *options, bool *threads) {
    const char *suite = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--load-only") == 0) {
            options->load_only = true;
        } else if (strcmp(argv[i], "--threads") == 0) {
            *threads = true;
        } else if (strcmp(argv[i], "-v") == 0) {
            options->verbose = true;
        } else if (strcmp(argv[i], "--slice") == 0 && value) {
            options->slice = strtoll(argv[++i], NULL, 10);
            if (options->slice <= 0) return NULL;
        } else if (strcmp(argv[i], "--filter") == 0 && value) {
            options->filter = argv[++i];
        } else if (strcmp(argv[i], "--answers") == 0 && value) {
            options->answers = fopen(argv[++i], "w");
            if (!options->answers) return NULL;
        } else if (argv[i][0] != '-' && !suite) {
            suite = argv[i];
        } else {
            return NULL;
        }
    }
    return suite;
}

int main(int argc, char **argv) {
    spec_options options = {0};
    bool threads = false;
    const char *suite = read_options(argc, argv, &options, &threads);
    if (!suite) {
        fputs(usage, stderr);
        return 2;
    }
    if (threads && !(options.relay = spec_relay_new())) return 2;
    int status = run_suite(&options, suite);
    spec_relay_free(options.relay);
    if (options.answers && fclose(options.answers) != 0) return 2;
    return status;
}
