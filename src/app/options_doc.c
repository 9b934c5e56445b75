/* app/options_doc.c -- --help and the man page, from the table of options. */
#include <stdbool.h>
#include <string.h>

#include "app/option.h"
#include "app/options.h"

#include "base/text.h"

static const char *const usage_get =
    "mpifetch get [options] SOURCE DEST\n"
    "       mpifetch get [options] --into DIR hf://... hf://...\n"
    "       mpifetch get [options] --hf-cache hf://... [hf://... [DEST]]\n"
    "       mpifetch get [options] --manifest LIST DEST\n"
    "       mpifetch get [options] --per-node DIR SOURCE [DEST]\n"
    "       mpifetch hf-download NAME [FILE...] [options, and those of hf download]\n";

static const char *const usage_plan =
    "mpifetch plan [options] SOURCE [DEST]\n"
    "       mpifetch plan [options] --into DIR hf://... hf://...\n"
    "       mpifetch plan [options] --manifest LIST [DEST]\n"
    "       mpifetch plan [options] --per-node DIR SOURCE [DEST]\n";

static const char *const usage_verify =
    "mpifetch verify [options] DEST...\n"
    "DEST is the path that get printed: a published directory, or the snapshot of a\n"
    "revision in a cache of the Hub library.\n";

static const char *const usage_clean =
    "mpifetch clean [options] DIR\n"
    "Remove the leftovers of dead runs. DIR is a DEST, its parent directory, the\n"
    "root of a Hub cache, or a scratch directory. Active runs are left alone.\n";

static const char *const usage_doctor =
    "mpifetch doctor [options] DIR\n"
    "DIR is an existing directory, such as the future parent of DEST. Behaviour\n"
    "between nodes is tested if there are ranks on at least two nodes.\n";

const struct option_command option_commands[] = {
    { "get", "fetch, verify and publish SOURCE as the directory DEST" },
    { "plan", "show what get would do: files, bytes, what exists already" },
    { "hf-download",
      "get, with the words of 'hf download NAME [FILE...]', into the Hub's cache or "
      "--local-dir" },
    { "verify", "verify a published tree with all ranks, without contacting the source" },
    { "clean",
      "remove leftovers of dead runs at a DEST, below a directory, or in scratch" },
    { "doctor", "test what the file system of DIR supports" },
    { "help", "show this help, or the options of a command" },
    { "version", "print the version" },
};
const size_t option_command_count = countof(option_commands);

static const struct {
    const char *form, *is;
} sources[] = {
    { "hf://[models/|datasets/|spaces/]ns/name[@revision][/path]",
      "a repository of the Hugging Face Hub, or part of one" },
    { "https://host/path", "one file" },
    { "file:///path", "a file or directory tree that all ranks can read" },
};

static const struct {
    int code;
    const char *meaning;
} exits[] = {
    { 0, "published, or already up to date" },
    { 1, "internal error, or an error of no other class" },
    { 2, "usage error" },
    { 3, "source error: not found, gated, invalid token" },
    { 4, "digest mismatch, even after fetching again; or verify failed" },
    { 5, "destination error: space, quota, permission, not created by mpifetch" },
    { 6, "network error after all retries; run again to resume" },
    { 7,
      "interrupted by a signal or time limit, or a rank was lost; run again to resume" },
};

enum { COLUMN = 30, WIDTH = 79 };

static void pad(struct strbuf *out, size_t from, size_t to)
{
    for (; from < to; from++)
        strbuf_adds(out, " ");
}

/* Words from column COLUMN on, lines no longer than WIDTH. */
static void add_wrapped(struct strbuf *out, const char *text)
{
    size_t column = COLUMN;

    while (*text) {
        size_t word = strcspn(text, " ");

        if (column > COLUMN && column + 1 + word > WIDTH) {
            strbuf_adds(out, "\n");
            pad(out, 0, COLUMN);
            column = COLUMN;
        } else if (column > COLUMN) {
            strbuf_adds(out, " ");
            column++;
        }
        strbuf_add(out, text, word);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    strbuf_adds(out, "\n");
}

static void add_row(struct strbuf *out, const char *left, const char *right)
{
    size_t len = strlen(left);

    strbuf_addf(out, "  %s", left);
    if (len + 4 > COLUMN) {
        strbuf_adds(out, "\n");
        pad(out, 0, COLUMN);
    } else {
        pad(out, len + 2, COLUMN);
    }
    add_wrapped(out, right);
}

/* "-v, --verbose", "    --report FILE" */
static void option_forms(struct strbuf *out, const struct option *option)
{
    if (option->letter)
        strbuf_addf(out, "-%c, --%s", option->letter, option->name);
    else
        strbuf_addf(out, "    --%s", option->name);
    if (option->value)
        strbuf_addf(out, " %s", option->value);
}

static void help_options(struct strbuf *out, enum option_use use)
{
    struct strbuf forms = { 0 }, text = { 0 };
    const char *group = NULL; /* to be named before the next option that is shown */

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (option->group)
            group = option->group;
        if (!option_serves(option, use))
            continue;
        if (group)
            strbuf_addf(out, "\n%s:\n", group);
        group = NULL;
        strbuf_clear(&forms);
        strbuf_clear(&text);
        option_forms(&forms, option);
        strbuf_adds(&text, option->help);
        option_default(option, &text);
        if (forms.failed || text.failed)
            out->failed = true;
        else
            add_row(out, forms.data, text.data);
    }
    strbuf_release(&forms);
    strbuf_release(&text);
}

static void help_command(struct strbuf *out, const char *usage, enum option_use use)
{
    strbuf_addf(out, "usage: %s", usage);
    if (use == FOR_GET)
        strbuf_adds(out, "\nSOURCE is one of:\n");
    for (size_t i = 0; use == FOR_GET && i < countof(sources); i++)
        strbuf_addf(out, "  %s\n        %s\n", sources[i].form, sources[i].is);
    help_options(out, use);
    strbuf_adds(
        out,
        "\nEach --some-option can be set as MPIFETCH_SOME_OPTION in the environment;"
        "\nthe command line wins. Defaults: mpifetch.conf in ~/.config and of the site "
        "(see\n--show-config). Sizes: 64M, 1.5GiB (powers of 1024). Times: 90, "
        "2m.\n");
}

static void help_program(struct strbuf *out)
{
    strbuf_adds(out, "usage: mpifetch COMMAND [options] ...\n\n"
                     "Fetch, verify and publish files with all ranks of an MPI job:\n\n"
                     "    MODEL=$(srun mpifetch get hf://ns/name /shared/models/name)\n\n"
                     "Commands:\n");
    for (size_t i = 0; i < option_command_count; i++)
        add_row(out, option_commands[i].name, option_commands[i].does);
    strbuf_adds(out, "\nmpifetch COMMAND --help shows the options.\n\nExit status:\n");
    for (size_t i = 0; i < countof(exits); i++) {
        char code[] = { (char)('0' + exits[i].code), 0 };

        add_row(out, code, exits[i].meaning);
    }
}

void options_help(struct strbuf *out, const char *topic)
{
    if (topic && strcmp(topic, "get") == 0)
        help_command(out, usage_get, FOR_GET);
    else if (topic && strcmp(topic, "plan") == 0)
        help_command(out, usage_plan, FOR_GET);
    else if (topic && strcmp(topic, "verify") == 0)
        help_command(out, usage_verify, FOR_VERIFY);
    else if (topic && strcmp(topic, "doctor") == 0)
        help_command(out, usage_doctor, FOR_DOCTOR);
    else if (topic && strcmp(topic, "clean") == 0)
        help_command(out, usage_clean, FOR_CLEAN);
    else
        help_program(out);
}

/* A hyphen that can be copied into a shell, and no line that roff takes for a request. */
static void roff_text(struct strbuf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        strbuf_adds(out, "\\&");
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            strbuf_adds(out, "\\");
        strbuf_add(out, text, 1);
    }
}

static void man_options(struct strbuf *out)
{
    strbuf_adds(
        out, ".SH OPTIONS\nSizes: 64M, 1.5GiB (powers of 1024). Times: 90, 2m.\nIn the "
             "environment, values of options that may be repeated are separated by\n"
             "newlines.\n");
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct strbuf text = { 0 };

        if (option->group)
            strbuf_addf(out, ".SS %s\n", option->group);
        strbuf_adds(out, ".TP\n.B ");
        if (option->letter)
            strbuf_addf(out, "\\-%c, ", option->letter);
        strbuf_adds(&text, "--");
        strbuf_adds(&text, option->name);
        if (text.data)
            roff_text(out, text.data);
        if (option->value)
            strbuf_addf(out, " \\fI%s\\fR", option->value);
        strbuf_adds(out, "\n");
        strbuf_clear(&text);
        strbuf_adds(&text, option->help);
        option_default(option, &text);
        if (text.data)
            roff_text(out, text.data);
        strbuf_adds(out, ".\n");
        strbuf_clear(&text);
        option_twin(option, &text);
        if (text.data && text.len > 0)
            strbuf_addf(out, "Environment:\n.BR %s .\n", text.data);
        if (text.failed)
            out->failed = true;
        strbuf_release(&text);
    }
}

static void man_head(struct strbuf *out)
{
    strbuf_addf(
        out,
        ".TH MPIFETCH 1 \"\" \"mpifetch %d.%d.%d\" \"User Commands\"\n"
        ".SH NAME\n"
        "mpifetch \\- fetch, verify and publish files with all ranks of an MPI job\n"
        ".SH SYNOPSIS\n"
        ".nf\n"
        "mpifetch get [options] SOURCE DEST\n"
        "mpifetch get [options] \\-\\-manifest LIST DEST\n"
        "mpifetch get [options] \\-\\-hf\\-cache hf://ns/name[@revision] [DEST]\n"
        "mpifetch plan [options] SOURCE [DEST]\n"
        "mpifetch verify [options] DEST\n"
        "mpifetch doctor [options] DIR\n"
        "mpifetch clean [options] DIR\n"
        ".fi\n",
        MPIFETCH_VERSION_MAJOR, MPIFETCH_VERSION_MINOR, MPIFETCH_VERSION_PATCH);
    strbuf_adds(
        out,
        ".SH DESCRIPTION\n"
        "All ranks of a job download the files of SOURCE together, verify each by its\n"
        "digest, and publish them as the directory DEST in one step: a reader sees\n"
        "either the previous state or the complete new one. The published path is the\n"
        "only line on standard output. Without a launcher it runs as a single "
        "process.\n");
    for (size_t i = 0; i < option_command_count; i++)
        strbuf_addf(out, ".TP\n.B %s\n%s.\n", option_commands[i].name,
                    option_commands[i].does);
    strbuf_adds(out, ".SS SOURCE\n");
    for (size_t i = 0; i < countof(sources); i++)
        strbuf_addf(out, ".TP\n.I %s\n%s.\n", sources[i].form, sources[i].is);
}

static void man_surroundings(struct strbuf *out)
{
    strbuf_adds(
        out,
        ".SH ENVIRONMENT\n"
        "HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE,\n"
        "HF_ENDPOINT, HF_HUB_OFFLINE, HF_HUB_DISABLE_SYMLINKS and\n"
        "HF_HUB_DISABLE_IMPLICIT_TOKEN have the same meaning as for the Hub's own "
        "tools;\n"
        "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, CURL_CA_BUNDLE,\n"
        "REQUESTS_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR as for curl.\n"
        ".SH FILES\n"
        "Defaults below the environment: $XDG_CONFIG_HOME/mpifetch.conf (or\n"
        "~/.config/mpifetch.conf), and of the site the first mpifetch.conf in the\n"
        "directories of XDG_CONFIG_DIRS, else /etc/mpifetch.conf. Each line is\n"
        "OPTION = VALUE, with the name of a long option; # begins a comment. Rank 0\n"
        "reads them for all. What may be secret is refused in a file that others can\n"
        "read. \\-\\-show\\-config says which value comes from where.\n"
        ".SH CACHE OF THE HUB'S LIBRARY\n"
        "With \\-\\-hf\\-cache a revision is stored where snapshot_download and\n"
        "from_pretrained look for it, and the path of its snapshot is printed. A list "
        "of\n"
        "all files of the commit, trees/COMMIT.json, is written too, unless\n"
        "\\-\\-no\\-trees is given. Behaviour of snapshot_download without a network\n"
        "(HF_HUB_OFFLINE or local_files_only):\n"
        ".TP\n.B all files, with the list\n"
        "finds the revision by branch, tag and commit.\n"
        ".TP\n.B some files (\\-\\-include, \\-\\-exclude, a folder), with the list\n"
        "finds them if called with the same patterns; without patterns it raises\n"
        "IncompleteSnapshotError (LocalEntryNotFoundError with HF_HUB_OFFLINE and a\n"
        "commit).\n"
        ".TP\n.B without the list\n"
        "returns what exists, complete or not, without reporting missing files; some\n"
        "versions since 1.22 try to ask the Hub for a commit with HF_HUB_OFFLINE.\n"
        ".PP\nWith HF_HUB_OFFLINE mpifetch does not contact the Hub either: it succeeds "
        "if\n"
        "the revision is complete in the cache, else it exits with 3.\n"
        ".SH EXIT STATUS\nThe same on every rank.\n");
}

void options_man(struct strbuf *out)
{
    man_head(out);
    man_options(out);
    man_surroundings(out);
    for (size_t i = 0; i < countof(exits); i++)
        strbuf_addf(out, ".TP\n.B %d\n%s.\n", exits[i].code, exits[i].meaning);
    strbuf_adds(out,
                ".SH EXAMPLES\n"
                ".nf\n"
                "MODEL=$(srun mpifetch get hf://ns/name /shared/models/name)\n"
                "mpirun \\-n 8 mpifetch get \\-\\-include \\(aq*.safetensors\\(aq \\e\n"
                "    hf://ns/name@v1.0 /shared/models/name\n"
                "SNAPSHOT=$(srun mpifetch get \\-\\-hf\\-cache hf://ns/name)\n"
                "srun mpifetch verify \"$SNAPSHOT\"\n"
                "srun \\-N 2 mpifetch doctor /shared/models\n"
                "mpirun \\-n 4 mpifetch get \\-\\-manifest SHA256SUMS \\e\n"
                "    \\-\\-base https://data.example.org/v2 /shared/data/v2\n"
                ".fi\n"
                ".SH SEE ALSO\n"
                ".BR mpirun (1),\n.BR srun (1),\n.BR sha256sum (1)\n");
}
