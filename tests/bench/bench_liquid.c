/* bench_liquid.c: renders a second beside liquidjs (npm) on the same templates and data,
 * interleaved; the goal is five times as many, median of ratios. liquidjs is installed under
 * build/; without node or npm the line says that it was skipped. */
#include "tests/bench/bench.h"
#include "vm/base/zone.h"
#include "vm/core/liquid.h"
#include "vm/core/machine.h"

enum { TEMPLATES = 4, MEMORY = 1 << 20, OUTPUT = 1 << 20, FUEL = 1 << 20 };
static const double round_s = 0.4;
static const char *const names[TEMPLATES] = {"reminder", "newsletter", "filters", "branches"};
static const char folder[] = "tests/bench/liquid";

struct subject {
    struct compilation compilation;
    struct program program;
    struct value data;
    uint32_t code;
};

static void load(struct subject *s, const char *name)
{
    struct compile_options options = {.builtins = &stdlib_builtins};
    const char *error = NULL;
    struct arena *arena = &s->compilation.arena;
    compilation_init(&s->compilation);
    struct str path = arena_printf(arena, "%s/%s.liquid", folder, name);
    s->code = compile_template(&s->compilation, &options, path, false, &error);
    ensure(!error && !s->compilation.diags.error_count);
    uint32_t file =
        source_load(&s->compilation.sources, arena_printf(arena, "%s/data.json", folder), &error);
    ensure(!error);
    s->data =
        liquid_open(arena, (struct value){.kind = VALUE_JSON,
                                          .text = source_at(&s->compilation.sources, file)->text});
    ensure(s->data.kind == VALUE_HASH);
    const struct image *image = &s->compilation.image;
    const struct builtin **functions =
        arena_array(arena, image->builtin_count + 1, sizeof(struct builtin *));
    for (uint32_t i = 0; i < image->builtin_count; i++)
        functions[i] = builtin_find(&stdlib_builtins, image_text(image, image->builtins[i].name));
    s->program = (struct program){.image = image,
                                  .builtins = &stdlib_builtins,
                                  .functions = functions,
                                  .clinic_zone = zone_utc()};
}

static double ours(struct subject *s)
{
    struct arena arena;
    struct buf out;
    uint64_t count = 0;
    int64_t start = monotonic_ns();
    arena_init(&arena, MEMORY);
    buf_init(&out, OUTPUT);
    while (bench_since(start) < round_s)
        for (int i = 0; i < 50; i++, count++) {
            struct env env = {.program = &s->program,
                              .arena = &arena,
                              .zone = zone_utc(),
                              .now_ms = BENCH_NOW_MS,
                              .fuel = FUEL,
                              .globals = s->data.hash};
            arena_reset(&arena);
            buf_reset(&out);
            ensure(machine_render(&env, s->code, &out) == RENDER_OK);
        }
    double rate = (double)count / bench_since(start);
    buf_free(&out);
    arena_free(&arena);
    return rate;
}

/* A line of the peer: renders a second; 0: it cannot be had. */
static double peer(const char *name)
{
    char command[256], line[64] = "";
    snprintf(command, sizeof command, "node tests/bench/liquid/peer.js %s %s %g 2>/dev/null",
             folder, name, round_s);
    FILE *file = popen(command, "r");
    if (!file)
        return 0;
    double rate = fgets(line, sizeof line, file) ? atof(line) : 0;
    pclose(file);
    return rate;
}

static bool has_peer(void)
{
    return system("test -d build/npm/node_modules/liquidjs || npm install --silent --no-audit "
                  "--no-fund --prefix build/npm liquidjs@10 >/dev/null 2>&1") == 0;
}

int main(void)
{
    double ratios[TEMPLATES];
    bool is_there = has_peer();
    for (int t = 0; t < TEMPLATES; t++) {
        struct subject subject;
        double rounds[ROUNDS], mine[ROUNDS];
        load(&subject, names[t]);
        for (int i = 0; i < ROUNDS; i++) {
            mine[i] = ours(&subject);
            double theirs = is_there ? peer(names[t]) : 0;
            is_there &= theirs > 0;
            rounds[i] = theirs > 0 ? mine[i] / theirs : 0;
        }
        ratios[t] = bench_median(rounds, ROUNDS);
        printf("liquid %s: %.0f renders/s, %.1f times liquidjs\n", names[t],
               bench_median(mine, ROUNDS), ratios[t]);
        compilation_free(&subject.compilation);
    }
    if (is_there)
        bench_goal(16, "renders/s of templates, times liquidjs", bench_median(ratios, TEMPLATES), 5,
                   false);
    else
        printf("goal 16: renders/s of templates: SKIP node or liquidjs cannot be had\n");
    return 0;
}
