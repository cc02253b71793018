/* output.c: what the command writes: to standard output, where what is lost must be said, and to
 * files, which are whole at every moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tool/tool.h"

static int output_error; /* errno of the first write to standard output that failed */

/* A closed standard output must not be the number of the next file that is opened. */
void tool_output_begin(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

bool tool_write_all(int fd, struct str text)
{
    while (text.len) {
        ssize_t written = write(fd, text.at, text.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text = str_from(text, (size_t)written);
    }
    return true;
}

void tool_write(int fd, struct str text)
{
    if (!tool_write_all(fd, text) && fd == STDOUT_FILENO && !output_error)
        output_error = errno;
}

int tool_output_end(int code)
{
    errno = 0;
    bool is_lost = fflush(stdout) != 0 || ferror(stdout);
    if (is_lost && !output_error)
        output_error = errno ? errno : EIO;
    if (!output_error)
        return code;
    /* Who stopped reading knows. */
    if (output_error != EPIPE)
        fprintf(stderr, "camp: standard output: %s\n", strerror(output_error));
    return EXIT_USAGE;
}

/* What is no file, as a pipe or a device, is written to and stays what it is. */
static const char *write_through(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && tool_write_all(fd, text);
    const char *error = is_written ? NULL : strerror(errno);
    if (fd >= 0 && close(fd) != 0 && !error)
        error = strerror(errno);
    return error;
}

static const char *write_beside(const char *path, struct str text, mode_t mode)
{
    char temporary[4096];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = length < (int)sizeof temporary ? mkstemp(temporary) : -1;
    if (fd < 0)
        return strerror(length < (int)sizeof temporary ? errno : ENAMETOOLONG);
    bool is_written = tool_write_all(fd, text) && fchmod(fd, mode & 07777) == 0 && fsync(fd) == 0;
    const char *error = is_written ? NULL : strerror(errno);
    if (close(fd) != 0 && !error)
        error = strerror(errno);
    if (!error && rename(temporary, path) != 0)
        error = strerror(errno);
    if (error)
        unlink(temporary);
    return error;
}

const char *tool_replace_file(const char *path, struct str text)
{
    struct stat old;
    if (stat(path, &old) != 0) {
        mode_t mask = umask(0);
        umask(mask);
        return errno == ENOENT ? write_beside(path, text, 0666 & ~mask) : strerror(errno);
    }
    if (S_ISDIR(old.st_mode))
        return strerror(EISDIR);
    if (!S_ISREG(old.st_mode))
        return write_through(path, text);
    char *real = realpath(path, NULL);
    const char *error = real ? write_beside(real, text, old.st_mode) : strerror(errno);
    free(real);
    return error;
}
