/*
 * Runs a fuzz target over the files of its corpus: an ordinary test, with any
 * compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    unsigned count = 0;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(dir))) {
        static uint8_t bytes[1 << 20];
        char path[4096];
        FILE *f;
        size_t len;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        f = fopen(path, "rb");
        if (!f)
            continue;
        len = fread(bytes, 1, sizeof(bytes), f);
        fclose(f);
        /* exactly as long as the input: a sanitizer sees an over-read */
        uint8_t *copy = malloc(len ? len : 1);
        for (size_t i = 0; i < len; i++)
            copy[i] = bytes[i];
        LLVMFuzzerTestOneInput(copy, len);
        free(copy);
        count++;
    }
    closedir(dir);
    printf("%s: %u inputs replayed\n", argv[1], count);
    return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
