/*
 * Makes up the traffic of a small clinic: registrations, bookings, visits, surveys, preferences,
 * stays in hospital, vaccines, cards that expire.
 *
 * The output is NDJSON in order of time, one message a line, as campd's import and
 * `camp simulate` read it. The same seed and options give the same bytes, on every machine: the
 * random numbers are our own, and no clock is read. Nobody in it is real: names come from a list,
 * addresses end in .example, and the telephone numbers are from the range kept for fiction.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR 3600
#define DAY (24 * HOUR)
#define LINE_MAX_BYTES 1024

struct options {
    uint64_t seed;
    long patients;
    long days;
    long repeat_percent;
    long broken_percent;
    long long start_at_s;
};

/* `order` keeps what happens in the same second in the order in which it was made up. */
struct line {
    int64_t at_s;
    size_t order;
    char *text;
};

struct traffic {
    uint64_t random;
    int64_t end_at_s;
    struct line *lines;
    size_t count, capacity;
};

struct patient {
    char id[24];
    int64_t registered_at_s;
    bool has_email, has_phone, is_keen;
    int visits;
};

static const char *const first_names[] = {"Ana",   "Ben",  "Chloé", "Dmitri", "Eve",   "Farid",
                                          "Grace", "Hiro", "Inés",  "Jonas",  "Kemi",  "Liam",
                                          "Mei",   "Noor", "Omar",  "Priya",  "Quinn", "Rosa",
                                          "Sven",  "Tara", "Uma",   "Viktor", "Wanda", "Yusuf"};
static const char *const last_names[] = {
    "Ahmed", "Brown",  "Costa",  "Diaz",     "Evans",  "Fischer", "García", "Haddad",
    "Ito",   "Jensen", "Khan",   "Lopez",    "Müller", "Nguyen",  "O'Hara", "Patel",
    "Rossi", "Smith",  "Tanaka", "Williams", "Young",  "Zhang"};
static const char *const sources[] = {"web", "front desk", "phone", "referral"};
static const char *const kinds[] = {"checkup", "follow-up", "vaccination", "consultation"};
static const char *const clinicians[] = {"Dr. Okafor", "Dr. Lindqvist", "Dr. Romero"};
static const char *const languages[] = {"en", "en", "en", "es", "zh-Hans"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PICK(t, a) ((a)[below((t), COUNT(a))])

static void fail(const char *what)
{
    fprintf(stderr, "traffic: %s\n", what);
    exit(2);
}

/* SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere. */
static uint64_t next_random(struct traffic *t)
{
    uint64_t z = (t->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(struct traffic *t, uint64_t limit)
{
    return limit ? next_random(t) % limit : 0;
}

static bool chance(struct traffic *t, unsigned percent)
{
    return below(t, 100) < percent;
}

static int64_t between(struct traffic *t, int64_t from, int64_t to)
{
    return from + (int64_t)below(t, (uint64_t)(to - from + 1));
}

static void stamp(char out[32], int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm;
    if (!gmtime_r(&at, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
        fail("a time out of range");
}

/* A moment in the opening hours (14:00 to 21:45 UTC) about that day, on the quarter hour. */
static int64_t opening(struct traffic *t, int64_t at_s)
{
    int64_t day = at_s / DAY;
    int64_t weekday = (day + 4) % 7; /* 0 is Sunday: 1970-01-01 was a Thursday */
    if (weekday == 0)
        day += 1;
    if (weekday == 6)
        day += 2;
    return day * DAY + 14 * HOUR + between(t, 0, 31) * 15 * 60;
}

/* Adds a line without its id, which is put in at the end, unless it would lie past the last day. */
__attribute__((format(printf, 3, 4))) static void add(struct traffic *t, int64_t at_s,
                                                      const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    if (at_s >= t->end_at_s)
        return;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text)
        fail("a line is too long");
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 1024;
        t->lines = realloc(t->lines, t->capacity * sizeof *t->lines);
        if (!t->lines)
            fail("out of memory");
    }
    t->lines[t->count] = (struct line){at_s, t->count, strdup(text)};
    if (!t->lines[t->count++].text)
        fail("out of memory");
}

static void track(struct traffic *t, const struct patient *p, int64_t at_s, const char *event,
                  const char *properties)
{
    char when[32];
    stamp(when, at_s);
    add(t, at_s,
        "\"type\":\"track\",\"userId\":\"%s\",\"event\":\"%s\",\"timestamp\":\"%s\","
        "\"properties\":{%s}",
        p->id, event, when, properties);
}

static void identify(struct traffic *t, const struct patient *p, int64_t at_s, const char *traits)
{
    char when[32];
    stamp(when, at_s);
    add(t, at_s, "\"type\":\"identify\",\"userId\":\"%s\",\"timestamp\":\"%s\",\"traits\":{%s}",
        p->id, when, traits);
}

static void subscription(struct traffic *t, const struct patient *p, int64_t at_s, bool subscribed)
{
    char when[32];
    stamp(when, at_s);
    add(t, at_s,
        "\"type\":\"subscription\",\"userId\":\"%s\",\"topic\":\"care_news\","
        "\"subscribed\":%s,\"timestamp\":\"%s\"",
        p->id, subscribed ? "true" : "false", when);
}

static void appointment(struct traffic *t, const struct patient *p, int64_t at_s, const char *event,
                        const char *id, int64_t starts_at_s, const char *kind)
{
    char from[32], to[32], properties[400];
    stamp(from, starts_at_s);
    stamp(to, starts_at_s + 30 * 60);
    snprintf(properties, sizeof properties,
             "\"appointment_id\":\"%s\",\"starts_at\":\"%s\",\"ends_at\":\"%s\",\"kind\":\"%s\","
             "\"location\":\"Main building\",\"clinician\":\"%s\"",
             id, from, to, kind, clinicians[starts_at_s / DAY % (int64_t)COUNT(clinicians)]);
    track(t, p, at_s, event, properties);
}

/* The visit took place: it is completed, and about half of the patients answer the survey. */
static void visit(struct traffic *t, const struct patient *p, int64_t at_s, const char *id,
                  const char *kind)
{
    char properties[200];
    snprintf(properties, sizeof properties, "\"encounter_id\":\"%s\",\"kind\":\"%s\"", id, kind);
    track(t, p, at_s + 35 * 60, "visit.completed", properties);
    if (!chance(t, p->is_keen ? 75 : 35))
        return;
    int64_t score = chance(t, 20) ? between(t, 1, 5) : between(t, 6, 10);
    snprintf(properties, sizeof properties, "\"score\":%" PRId64 ",\"visit_id\":\"%s\"", score, id);
    track(t, p, at_s + between(t, 4 * HOUR, 9 * DAY), "survey.completed", properties);
}

/* One appointment from its booking to what becomes of it. Returns when it was to be. */
static int64_t booking(struct traffic *t, struct patient *p, int64_t booked_at_s)
{
    char id[40];
    const char *kind = PICK(t, kinds);
    int64_t starts_at_s = opening(t, booked_at_s + between(t, 2, 21) * DAY);
    snprintf(id, sizeof id, "%s-v%d", p->id, ++p->visits);
    appointment(t, p, booked_at_s, "appointment.booked", id, starts_at_s, kind);
    if (chance(t, 15)) {
        int64_t moved_at_s = between(t, booked_at_s + HOUR, starts_at_s - HOUR);
        starts_at_s = opening(t, starts_at_s + between(t, 1, 10) * DAY);
        appointment(t, p, moved_at_s, "appointment.rescheduled", id, starts_at_s, kind);
    }
    uint64_t fate = below(t, 100);
    if (fate < 8) {
        appointment(t, p, starts_at_s - between(t, 2, 40) * HOUR, "appointment.cancelled", id,
                    starts_at_s, kind);
    } else if (fate < 15) {
        appointment(t, p, starts_at_s + HOUR, "appointment.noshow", id, starts_at_s, kind);
    } else {
        if (chance(t, 60))
            appointment(t, p, starts_at_s - between(t, 20, 47) * HOUR, "appointment.confirmed", id,
                        starts_at_s, kind);
        visit(t, p, starts_at_s, id, kind);
    }
    return starts_at_s;
}

static void register_patient(struct traffic *t, struct patient *p, uint64_t number)
{
    char traits[600], contact[160] = "", properties[64];
    const char *first = PICK(t, first_names), *last = PICK(t, last_names);
    if (p->has_email)
        snprintf(contact, sizeof contact, "\"email\":\"%s@patients.example\",", p->id);
    if (p->has_phone) {
        size_t used = strlen(contact);
        snprintf(contact + used, sizeof contact - used, "\"phone\":\"+1518555%04" PRIu64 "\",",
                 100 + number % 100);
    }
    /* Drawn one by one: compilers differ in the order in which they evaluate arguments. */
    int64_t year = between(t, 1935, 2007), month = between(t, 1, 12), day = between(t, 1, 28);
    const char *gender = chance(t, 52) ? "female" : "male";
    const char *language = PICK(t, languages);
    const char *zone = chance(t, 6) ? "America/Los_Angeles" : "America/New_York";
    snprintf(traits, sizeof traits,
             "\"first_name\":\"%s\",\"last_name\":\"%s\",%s\"birth_date\":\"%04" PRId64
             "-%02" PRId64 "-%02" PRId64 "\",\"gender\":\"%s\",\"language\":\"%s\","
             "\"city\":\"Albany\",\"state\":\"NY\",\"timezone\":\"%s\"",
             first, last, contact, year, month, day, gender, language, zone);
    identify(t, p, p->registered_at_s, traits);
    if (chance(t, 70))
        subscription(t, p, p->registered_at_s + 1, true);
    snprintf(properties, sizeof properties, "\"source\":\"%s\"",
             chance(t, 5) ? "import" : PICK(t, sources));
    track(t, p, p->registered_at_s + 2, "patient.registered", properties);
}

static void vaccinate(struct traffic *t, const struct patient *p, int64_t at_s, const char *vaccine,
                      int dose)
{
    char properties[200];
    snprintf(properties, sizeof properties, "\"vaccine\":\"%s\",\"immunization_id\":\"%s-%.3s%d\"",
             vaccine, p->id, vaccine, dose);
    track(t, p, opening(t, at_s), "immunization.given", properties);
}

/* A series: most come back after about so many days, some late, some never. */
static void series(struct traffic *t, const struct patient *p, int64_t at_s, const char *vaccine,
                   const int *days, int count)
{
    vaccinate(t, p, at_s, vaccine, 1);
    for (int i = 0; i < count && chance(t, 75); i++) {
        at_s += days[i] * (int64_t)DAY + between(t, -7, chance(t, 30) ? 60 : 3) * DAY;
        vaccinate(t, p, at_s, vaccine, i + 2);
    }
}

static void stay(struct traffic *t, const struct patient *p, int64_t at_s, int number)
{
    char properties[120];
    snprintf(properties, sizeof properties, "\"encounter_id\":\"%s-s%d\",\"kind\":\"inpatient\"",
             p->id, number);
    track(t, p, at_s, "encounter.admitted", properties);
    at_s = opening(t, at_s + between(t, 1, 6) * DAY);
    track(t, p, at_s, "encounter.discharged", properties);
    if (number == 1 && chance(t, 15))
        stay(t, p, at_s + between(t, 2, 20) * DAY, 2);
}

/* The flu shots are offered on a day of autumn; who had one is not asked again. */
static void flu_season(struct traffic *t, const struct patient *p, int64_t opens_at_s)
{
    if (p->registered_at_s > opens_at_s)
        return;
    identify(t, p, opens_at_s,
             chance(t, 50) ? "\"flu_season\":\"open\",\"preferred\":\"text\""
                           : "\"flu_season\":\"open\"");
    if (chance(t, 55))
        vaccinate(t, p, opens_at_s + between(t, 1, 60) * DAY, "Influenza, seasonal", 1);
    identify(t, p, opens_at_s + 120 * (int64_t)DAY, "\"flu_season\":\"done\"");
}

/* What else happens to a patient, drawn from numbers of its own: the rest stays what it was. */
static void care(struct traffic *t, const struct patient *p, uint64_t number,
                 const struct options *options)
{
    static const int hepatitis[] = {30, 150}, zoster[] = {90};
    uint64_t random = t->random;
    char card[64], day[32];
    int64_t at_s = p->registered_at_s;
    t->random = options->seed * UINT64_C(0x100000001b3) ^ number;
    for (int64_t year = 0; year < options->days; year += 365)
        flu_season(t, p, options->start_at_s + (year + 255) * (int64_t)DAY + 15 * HOUR);
    stamp(day, at_s + between(t, 20, 400) * DAY);
    snprintf(card, sizeof card, "\"card_expires\":\"%.10s\"", day);
    identify(t, p, at_s + between(t, 3, 30) * DAY, card);
    if (chance(t, 15))
        stay(t, p, at_s + between(t, 5, 200) * DAY, 1);
    if (chance(t, 12))
        series(t, p, at_s + between(t, 5, 60) * DAY, "Hep B, adult", hepatitis, 2);
    if (chance(t, 12))
        series(t, p, at_s + between(t, 5, 60) * DAY, "zoster", zoster, 1);
    if (chance(t, 12))
        identify(t, p, at_s + between(t, 10, 200) * DAY,
                 "\"city\":\"Troy\",\"last_city\":\"Albany\"");
    if (chance(t, 12))
        identify(t, p, at_s + between(t, 201, 300) * DAY, "\"city\":\"Schenectady\"");
    if (chance(t, 15))
        track(t, p, at_s + between(t, 2, 100) * DAY, "preference.changed",
              chance(t, 60) ? "\"news\":true" : "\"news\":false");
    t->random = random;
}

/* A patient's way through the year. */
static void live(struct traffic *t, uint64_t number, const struct options *options)
{
    struct patient p = {0};
    snprintf(p.id, sizeof p.id, "p%05" PRIu64, number);
    p.has_email = chance(t, 90);
    p.has_phone = chance(t, 85);
    p.is_keen = chance(t, 50);
    p.registered_at_s = opening(t, options->start_at_s + between(t, 0, options->days - 1) * DAY);
    p.registered_at_s += between(t, 0, 14 * 60);
    register_patient(t, &p, number);
    int64_t at_s = p.registered_at_s;
    at_s += chance(t, 30) ? between(t, 60, 12 * HOUR) : between(t, 1 * DAY, 25 * DAY);
    if (chance(t, 80)) {
        at_s = booking(t, &p, at_s);
        while (at_s < t->end_at_s && chance(t, 65))
            at_s = booking(t, &p, at_s + between(t, 10 * DAY, 120 * DAY));
    }
    if (chance(t, 10))
        subscription(t, &p, p.registered_at_s + between(t, 1, 90) * DAY, false);
    if (chance(t, 8))
        identify(t, &p, p.registered_at_s + between(t, 1, 150) * DAY,
                 "\"timezone\":\"America/Chicago\"");
    if (chance(t, 2))
        identify(t, &p, p.registered_at_s + between(t, 1, 200) * DAY, "\"deceased\":true");
    care(t, &p, number, options);
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->at_s != y->at_s)
        return x->at_s < y->at_s ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Repeats keep their id and their bytes; a broken line is one that an import must refuse alone. */
static void print_all(struct traffic *t, const struct options *options)
{
    static const char *const broken[] = {"{\"type\":\"track\"", "[1, 2, 3]", "{\"type\":\"dance\"}",
                                         "{\"type\":\"track\",\"event\":\"visit.completed\"}"};
    size_t index = 0;
    qsort(t->lines, t->count, sizeof *t->lines, by_time);
    for (size_t i = 0; i < t->count; i++) {
        printf("{\"messageId\":\"t%" PRIu64 "-%zu\",%s}\n", options->seed, i, t->lines[i].text);
        if (chance(t, (unsigned)options->repeat_percent)) {
            index = i - (size_t)below(t, i < 50 ? i + 1 : 50);
            printf("{\"messageId\":\"t%" PRIu64 "-%zu\",%s}\n", options->seed, index,
                   t->lines[index].text);
        }
        if (chance(t, (unsigned)options->broken_percent))
            puts(PICK(t, broken));
    }
}

static long long number_of(const char *text, long long least, long long most)
{
    char *end;
    errno = 0;
    long long value = text ? strtoll(text, &end, 10) : 0;
    if (!text || errno || *end || end == text || value < least || value > most)
        fail("a number is missing or out of range; see --help");
    return value;
}

static int64_t day_of(const char *text)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%Y-%m-%d", &tm) : NULL;
    if (!end || *end)
        fail("--start wants a day like 2026-01-05");
    return (int64_t)timegm(&tm);
}

static void usage(void)
{
    puts("usage: traffic [--seed N] [--patients N] [--days N] [--start YYYY-MM-DD]\n"
         "               [--repeat PERCENT] [--broken PERCENT]\n"
         "Writes the made-up traffic of a clinic as NDJSON to standard output.\n"
         "Defaults: seed 1, 300 patients, 365 days from 2026-01-05, nothing repeated or broken.");
}

int main(int argc, char **argv)
{
    struct options options = {1, 300, 365, 0, 0, 1767571200};
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--help")) {
            usage();
            return 0;
        } else if (!strcmp(argv[i], "--seed")) {
            options.seed = (uint64_t)number_of(value, 0, INT32_MAX);
        } else if (!strcmp(argv[i], "--patients")) {
            options.patients = (long)number_of(value, 1, 10000000);
        } else if (!strcmp(argv[i], "--days")) {
            options.days = (long)number_of(value, 1, 36500);
        } else if (!strcmp(argv[i], "--start")) {
            options.start_at_s = day_of(value);
        } else if (!strcmp(argv[i], "--repeat")) {
            options.repeat_percent = (long)number_of(value, 0, 100);
        } else if (!strcmp(argv[i], "--broken")) {
            options.broken_percent = (long)number_of(value, 0, 100);
        } else {
            fprintf(stderr, "traffic: unknown option %s; see --help\n", argv[i]);
            return 2;
        }
    }
    struct traffic traffic = {.random = options.seed,
                              .end_at_s = options.start_at_s + (int64_t)options.days * DAY};
    for (long i = 0; i < options.patients; i++)
        live(&traffic, (uint64_t)i + 1, &options);
    print_all(&traffic, &options);
    for (size_t i = 0; i < traffic.count; i++)
        free(traffic.lines[i].text);
    free(traffic.lines);
    if (fflush(stdout) || ferror(stdout))
        fail("cannot write");
    return 0;
}
