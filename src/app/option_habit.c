#include "app/option_habit.h"

#include <string.h>

#include "base/text.h"

static const char dest[] = "DEST is the argument behind SOURCE";
static const char width[] =
    "use --connections N for each rank, or --max-connections N for the whole job";
static const char rate[] = "use --limit-rate, for the whole job";
static const char resumes[] =
    "nothing is needed: the same command again goes on where a run has ended";
static const char follows[] = "nothing is needed: redirects are followed";
static const char parents[] = "nothing is needed: missing directories are made";
static const char trusted[] =
    "certificates are always verified: name that of the authority with --cacert";
static const char list[] = "use --manifest LIST";
static const char login[] = "use --user, or better --netrc-file";
static const char proxy[] = "use --proxy";
static const char cacert[] = "use --cacert";
static const char retries[] = "use --retries";
static const char quiet[] = "use --quiet";
static const char header[] = "use --header";

/* Names separated by blanks. */
static const struct {
    const char *names, *advice;
} habits[] = {
    { "o O output output-document remote-name out d dir output-dir local-dir P "
      "directory-prefix target dest",
      dest },
    { "j x s max-workers workers jobs threads parallel parallel-max Z split "
      "max-connection-per-server max-concurrent-downloads transfers checkers "
      "multi-thread-streams concurrency num-threads",
      width },
    { "rate max-download-limit max-overall-download-limit", rate },
    { "C c continue continue-at resume resume-download", resumes },
    { "L location location-trusted max-redirect max-redirs", follows },
    { "create-dirs", parents },
    { "k insecure no-check-certificate", trusted },
    { "i input-file files-from", list },
    { "u http-user http-password http-passwd password basic login", login },
    { "n", "use --netrc" },
    { "E certificate", "use --cert" },
    { "private-key", "use --key" },
    { "all-proxy http-proxy https-proxy preproxy socks5 socks5-hostname", proxy },
    { "ca-certificate capath ca-directory", cacert },
    { "retry tries t max-tries low-level-retries retry-max-time", retries },
    { "S silent no-verbose no-progress-meter", quiet },
    { "H", header },
    { "bind-address", "use --interface" },
    { "timeout max-time m T",
      "use --connect-timeout, and --speed-limit with --speed-time: no transfer is ended "
      "as long as bytes come" },
    { "checksum hash verify", "use --check to hash what is there, or the command verify; "
                              "--sha256 HEX says what a "
                              "single file must be" },
    { "token", "all users of a machine can read command lines: use --token-file, or set "
               "HF_TOKEN" },
    { "type", "use --repo-type" },
    { "r branch tag commit", "use --revision, or hf://NAMESPACE/NAME@REVISION" },
    { "local-dir-use-symlinks", "DEST never has links to a cache" },
    { "f overwrite clobber ignore-existing no-clobber",
      "use --force to replace what mpifetch did not create, --force-download to fetch "
      "all "
      "again" },
    { "N timestamping update",
      "nothing is needed: what has not changed is not fetched again" },
    { "A accept", "use --include" },
    { "R reject", "use --exclude" },
    { "json format", "use --report FILE, which is JSON" },
};

const char *option_habit(const char *name, size_t len)
{
    for (size_t i = 0; i < countof(habits); i++)
        for (const char *at = habits[i].names; *at; at += *at == ' ') {
            size_t other = strcspn(at, " ");

            if (other == len && memcmp(at, name, len) == 0)
                return habits[i].advice;
            at += other;
        }
    return NULL;
}
