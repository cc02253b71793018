/* campd.c: the service's main(): the command line, signals, and how it ends. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "stdlib/builtins.h"
#include "vm/http/service.h"

extern char **environ;

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static const char usage[] =
    "campd --db FILE [--listen HOST:PORT] [--config FILE] [--check-config] [--clock START[,RATE]]\n"
    "campd --db FILE --backup COPY\n"
    "\n"
    "Runs the campaigns of one SQLite file: takes traffic over HTTP, lets time pass, sends.\n"
    "\n"
    "  --db FILE        made when it is missing; one daemon a file\n"
    "  --listen …       default 127.0.0.1:8080; port 0 takes a free one\n"
    "  --config FILE    INI; every key also as CAMPD_SECTION_KEY in the environment\n"
    "  --check-config   reads the configuration and ends: 0 fine, 2 not\n"
    "  --backup COPY    copies the database, also while a daemon runs on it, and ends; a daemon "
    "that\n"
    "                   is started on the copy one day has its campaigns paused until resumed\n"
    "  --clock …        a made-up clock, RATE times as fast, for a database of its own\n"
    "\n"
    "Examples:\n"
    "  campd --db clinic.db\n"
    "  campd --db clinic.db --backup /var/backups/clinic-monday.db\n"
    "  campd --db demo.db --listen 127.0.0.1:0 --clock 2026-03-02T09:00:00-05:00,60\n";

struct arguments {
    const char *db, *config_path, *backup;
    bool checks_config, wants_help;
};

static bool set_text(char *to, size_t room, const char *value)
{
    return value && strlen(value) < room && memcpy(to, value, strlen(value) + 1);
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments,
                           struct config *config)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool is_fine = true, takes_value = true;
        if (strcmp(argv[i], "--db") == 0)
            is_fine = (arguments->db = value) != NULL;
        else if (strcmp(argv[i], "--backup") == 0)
            is_fine = (arguments->backup = value) != NULL;
        else if (strcmp(argv[i], "--config") == 0)
            is_fine = (arguments->config_path = value) != NULL;
        else if (strcmp(argv[i], "--listen") == 0)
            is_fine = set_text(config->listen, sizeof config->listen, value);
        else if (strcmp(argv[i], "--clock") == 0)
            is_fine = set_text(config->clock, sizeof config->clock, value);
        else {
            takes_value = false;
            if (strcmp(argv[i], "--check-config") == 0)
                arguments->checks_config = true;
            else if (strcmp(argv[i], "--help") == 0)
                arguments->wants_help = true;
            else
                is_fine = false;
        }
        if (!is_fine) {
            fprintf(stderr, "campd: %s: %s\n\n%s", argv[i],
                    !takes_value ? "there is no such option"
                    : value      ? "its value is too long"
                                 : "needs a value",
                    usage);
            return false;
        }
        i += takes_value;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct service service;
    static struct config config;
    struct arguments arguments = {0};
    char error[512];
    umask(0027); /* what it writes is about patients: nobody else's to read */
    config_default(&config);
    if (!read_arguments(argc, argv, &arguments, &config))
        return 2;
    if (arguments.wants_help) {
        fputs(usage, stdout);
        return 0;
    }
    if (!config_read(&config, arguments.config_path, environ, error)) {
        fprintf(stderr, "campd: %s\n", error);
        return 2;
    }
    if (arguments.checks_config) {
        puts("the configuration is fine");
        return 0;
    }
    if (!arguments.db) {
        fprintf(stderr, "campd: --db FILE is needed\n\n%s", usage);
        return 2;
    }
    if (arguments.backup) {
        if (store_backup(arguments.db, arguments.backup, error) == STATUS_OK)
            return 0;
        fprintf(stderr, "campd: %s\n", error);
        return 2;
    }
    /* What is in memory is a patient's: a crash leaves none of it in a file. */
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int code = 2;
    if (service_open(&service, &config, arguments.db, &stdlib_builtins))
        code = service_run(&service, &stop);
    service_close(&service);
    return code;
}
