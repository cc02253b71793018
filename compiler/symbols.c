/* symbols.c: every declaration into its table, before any campaign is looked at: names are global
 * and their order does not matter (LANGUAGE.md P1, P3). */
#include "compiler/internal.h"
#include "vm/base/zone.h"

bool is_of_module(struct compiler *c, const struct node *node)
{
    return str_starts(source_at(&c->out->sources, node->span.file)->name, STR("<"));
}

static struct node *node_of(struct strmap *map, struct str name)
{
    uint64_t *known = strmap_get(map, name);
    return known ? (struct node *)(uintptr_t)*known : NULL;
}

/* Keeps node → map; a second one is reported. */
static bool declare(struct compiler *c, struct strmap *map, const char *what, struct node *node)
{
    struct node *before = node_of(map, node->name);
    if (before) {
        struct diag *diag = report(c, DIAG_DUPLICATE, node->name_span, what, STR_ARG(node->name));
        note(c, diag, before->name_span, "first here");
        help(c, diag, "give one of them another name");
        return false;
    }
    *strmap_put(map, node->name, NULL) = (uint64_t)(uintptr_t)node;
    return true;
}

static bool is_subset(struct compiler *c, uint32_t narrow, uint32_t wide)
{
    const struct image_type *a = &c->image->types[narrow], *b = &c->image->types[wide];
    if (a->kind != TYPE_CHOICE || b->kind != TYPE_CHOICE)
        return narrow == wide;
    for (uint32_t i = 0; i < a->choices.count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < b->choices.count; k++)
            found |= c->image->choices[a->choices.first + i].value ==
                     c->image->choices[b->choices.first + k].value;
        if (!found)
            return false;
    }
    return true;
}

/* The default of an attribute or a field: a literal. */
static uint32_t default_of(struct compiler *c, const struct node *field, uint32_t type)
{
    struct node *node = field->kids[FIELD_DEFAULT];
    struct value v;
    if (!node || typed_of(c, type).kind == KIND_BAD)
        return IMAGE_NONE;
    return constant_from_literal(c, node, typed_of(c, type), &v) ? add_constant_value(c, v)
                                                                 : IMAGE_NONE;
}

static bool is_phi(const struct node *field)
{
    return (field->flags & FLAG_PHI) ||
           (field->kids[FIELD_DEFAULT] && (field->kids[FIELD_DEFAULT]->flags & FLAG_PHI));
}

/* A second declaration of what `before` declares: of the project over a module's it may narrow it,
 * else it says the same, and in one block it is one too many. */
static bool agrees(struct compiler *c, const struct node *before, uint32_t type_before,
                   const struct node *field, uint32_t type)
{
    bool was_of_module = is_of_module(c, before), is_module = is_of_module(c, field);
    if (was_of_module == is_module)
        return type == type_before;
    return was_of_module ? is_subset(c, type, type_before) : is_subset(c, type_before, type);
}

static bool is_in_block(const struct node *before, const struct node *field)
{
    while (before && before != field)
        before = before->next;
    return before != NULL;
}

static void report_field_twice(struct compiler *c, const struct node *field,
                               const struct node *before, const char *what)
{
    struct diag *diag = report(c, DIAG_DUPLICATE, field->name_span, what, STR_ARG(field->name));
    note(c, diag, before->name_span, "first here");
    help(c, diag, "take one of them away");
}

static void report_different(struct compiler *c, const struct node *field, uint32_t type)
{
    uint32_t kind = c->image->types[type].kind;
    struct diag *diag =
        report(c, DIAG_DIFFERENT_DECLARATION, field->name_span, STR_ARG(field->name));
    if (kind == TYPE_CHOICE)
        help(c, diag, "there it is one of several values: declare the same, or some of them");
    else
        help(c, diag, "there it is %s: declare the same, or choose another name", kind_name(kind));
}

static void declare_attribute(struct compiler *c, struct node *field)
{
    uint32_t type = type_row(c, field->kids[FIELD_TYPE]);
    uint64_t *known = strmap_get(&c->attributes, field->name);
    uint64_t *declared = strmap_put(&c->attribute_fields, field->name, NULL);
    const struct node *before = (const struct node *)(uintptr_t)*declared;
    *declared = (uint64_t)(uintptr_t)field;
    if (str_eq(field->name, STR("id"))) {
        help(c, report(c, DIAG_DUPLICATE, field->name_span, "attribute", STR_ARG(field->name)),
             "`patient.id` is always there");
        return;
    }
    if (known) {
        struct image_attribute *row = &c->image->attributes[*known];
        bool fits = agrees(c, before, row->type, field, type);
        if (fits && is_in_block(before, field))
            report_field_twice(c, field, before, "attribute");
        else if (!fits)
            report_different(c, field, row->type);
        else if (is_subset(c, type, row->type))
            row->type = type;
        row->is_phi |= is_phi(field);
        if (field->kids[FIELD_DEFAULT] && fits)
            row->default_value = default_of(c, field, type);
        return;
    }
    uint32_t row = add_attribute(
        c, (struct image_attribute){intern(c, field->name), type, is_phi(field), IMAGE_NONE});
    *strmap_put(&c->attributes, field->name, NULL) = row;
    c->image->attributes[row].default_value = default_of(c, field, type);
}

/* Blocks of one name, in the order of the text. */
struct blocks {
    struct node **items;
    uint32_t count, room;
};

/* Fields of all blocks of one event or object, modules first or last: the project's replace the
 * module's. */
static struct rows declare_fields(struct compiler *c, const char *what, enum node_kind kind,
                                  const struct blocks *blocks)
{
    struct node **fields = NULL;
    uint32_t count = 0, room = 0;
    struct strmap seen;
    strmap_init(&seen);
    for (uint32_t block = 0; block < blocks->count; block++) {
        for (struct node *field = blocks->items[block]->kids[0]; field; field = field->next) {
            uint64_t *known = strmap_get(&seen, field->name);
            if (kind == NODE_EVENT_DECL && str_eq(field->name, STR("timestamp")) &&
                c->image->types[type_row(c, field->kids[FIELD_TYPE])].kind != TYPE_TIME) {
                help(c,
                     report(c, DIAG_DIFFERENT_DECLARATION, field->name_span, STR_ARG(field->name)),
                     "every event has it, a time: take this away, or choose another name");
                continue;
            }
            if (known) {
                struct node *before = fields[*known];
                bool is_phi_before = is_phi(before) || is_phi(field);
                uint32_t a = type_row(c, before->kids[FIELD_TYPE]),
                         b = type_row(c, field->kids[FIELD_TYPE]);
                if (!agrees(c, before, a, field, b))
                    report_different(c, is_of_module(c, field) ? before : field,
                                     is_of_module(c, field) ? b : a);
                else if (is_in_block(before, field))
                    report_field_twice(c, field, before, what);
                else if (is_of_module(c, before) || !is_of_module(c, field))
                    fields[*known] = field;
                if (is_phi_before)
                    fields[*known]->flags |= FLAG_PHI;
                continue;
            }
            fields = arena_grow(c->arena, fields, count, &room, sizeof *fields);
            *strmap_put(&seen, field->name, NULL) = count;
            fields[count++] = field;
        }
    }
    strmap_free(&seen);
    uint32_t *types = arena_array(c->arena, count + 1, sizeof *types);
    for (uint32_t i = 0; i < count; i++)
        types[i] = type_row(c, fields[i]->kids[FIELD_TYPE]);
    struct rows rows = {c->image->field_count, count};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = default_of(c, fields[i], types[i]);
        if (value != IMAGE_NONE)
            *map64_put(&c->field_defaults, c->image->field_count, NULL) = (uint64_t)value + 1;
        add_field(c, (struct image_field){intern(c, fields[i]->name), types[i], is_phi(fields[i])});
    }
    if (kind == NODE_EVENT_DECL) {
        add_field(c,
                  (struct image_field){intern(c, STR("timestamp")), type_of_kind(c, TYPE_TIME), 0});
        rows.count++;
    }
    return rows;
}

static void declare_clinic(struct compiler *c)
{
    struct image_project project = {.from_email = IMAGE_NONE, .address = IMAGE_NONE};
    project.clinic_name = intern(c, c->clinic ? c->clinic->name : STR(""));
    project.timezone = intern(c, STR("UTC"));
    for (struct node *pair = c->clinic ? c->clinic->kids[CLINIC_FIELDS] : NULL; pair;
         pair = pair->next) {
        struct node *value = pair->kids[PAIR_VALUE];
        if (!is_literal(value)) {
            struct str shown = source_text(c, value->span);
            struct diag *diag = report(c, DIAG_CONSTANT_NEEDED, value->span);
            help(c, diag,
                 "write it out, as `\"…\"`, `12` or `09:00`, not computed as `" STR_FMT "`",
                 STR_ARG(shown));
        }
        uint32_t text =
            intern(c, value->kind == NODE_TEXT ? value->name : source_text(c, value->span));
        add_clinic(c, (struct image_clinic){intern(c, pair->name), text});
        if (str_eq(pair->name, STR("timezone"))) {
            project.timezone = text;
            if (!zone_find(value->name)) {
                struct diag *diag = report(c, DIAG_BAD_ZONE, value->span, STR_ARG(value->name));
                help(c, diag, "a name of the time zone database, as \"America/New_York\"");
            }
        } else if (str_eq(pair->name, STR("from_email"))) {
            project.from_email = text;
        } else if (str_eq(pair->name, STR("address"))) {
            project.address = text;
        }
    }
    add_project(c, project);
}

/* Patients whose zone is not known live by the clinic's clock (W2). */
static void check_zone(struct compiler *c)
{
    const struct node *decl = c->out->declarations;
    for (uint32_t i = 0; i < c->image->clinic_count; i++)
        if (str_eq(text_of(c, c->image->clinics[i].name), STR("timezone")))
            return;
    while (decl && decl->kind != NODE_CAMPAIGN)
        decl = decl->next;
    if (!decl)
        return;
    struct diag *diag = report(c, DIAG_NO_ZONE, (c->clinic ? c->clinic : decl)->name_span);
    help(c, diag, "say it, or UTC is taken: `clinic \"…\" { timezone: \"America/New_York\" }`");
}

static uint32_t attribute_named(struct compiler *c, const char *name)
{
    uint64_t *known = strmap_get(&c->attributes, str_of(name));
    return known ? (uint32_t)*known : IMAGE_NONE;
}

static void fill_project(struct compiler *c)
{
    struct image_project *project = &c->image->projects[0];
    uint64_t *appointment = strmap_get(&c->objects, STR("appointment"));
    project->email_attribute = attribute_named(c, "email");
    project->phone_attribute = attribute_named(c, "phone");
    project->timezone_attribute = attribute_named(c, "timezone");
    project->language_attribute = attribute_named(c, "language");
    project->deceased_attribute = attribute_named(c, "deceased");
    project->consent_email_attribute = attribute_named(c, "consent_email");
    project->consent_sms_attribute = attribute_named(c, "consent_sms");
    project->appointment_object = appointment ? (uint32_t)*appointment : IMAGE_NONE;
}

/* What an object is known by: one text, the same in all blocks. */
static void check_key(struct compiler *c, const struct node *decl, const struct blocks *blocks,
                      struct rows fields)
{
    for (uint32_t i = 0; i < fields.count; i++) {
        const struct image_field *field = &c->image->fields[fields.first + i];
        uint32_t kind = c->image->types[field->type].kind;
        if (!str_eq(text_of(c, field->name), decl->other) || kind == TYPE_TEXT)
            continue;
        struct diag *diag =
            report(c, DIAG_WRONG_TYPE, decl->other_span, kind_name(kind), "the object's id");
        help(c, diag, "declare it `" STR_FMT ": text`: ids are texts", STR_ARG(decl->other));
    }
    for (uint32_t i = 1; i < blocks->count; i++) {
        const struct node *block = blocks->items[i];
        if (str_eq(block->other, decl->other))
            continue;
        struct diag *diag =
            report(c, DIAG_DIFFERENT_DECLARATION, block->other_span, STR_ARG(block->name));
        note(c, diag, decl->other_span, "there it is known by this");
        help(c, diag, "write `by " STR_FMT "` here too", STR_ARG(decl->other));
    }
}

static void declare_event(struct compiler *c, const struct node *decl, const struct blocks *blocks)
{
    bool is_event = decl->kind == NODE_EVENT_DECL;
    struct rows fields = declare_fields(c, "field", decl->kind, blocks);
    uint32_t name = intern(c, decl->name), row;
    bool has_id = is_event;
    for (uint32_t i = 0; i < fields.count && !has_id; i++)
        has_id = str_eq(text_of(c, c->image->fields[fields.first + i].name), decl->other);
    if (!has_id)
        help(c, report(c, DIAG_UNKNOWN_NAME, decl->other_span, "field", STR_ARG(decl->other)),
             "declare it: `" STR_FMT ": text`", STR_ARG(decl->other));
    if (!is_event)
        check_key(c, decl, blocks, fields);
    if (is_event)
        row = add_event(c, (struct image_event){
                               name, decl->other.at ? intern(c, decl->other) : IMAGE_NONE, fields});
    else
        row = add_object(c, (struct image_object){name, intern(c, decl->other), fields});
    *strmap_put(is_event ? &c->events : &c->objects, decl->name, NULL) = row;
}

static void declare_events(struct compiler *c)
{
    struct strmap maps[2]; /* name → its struct blocks: events, objects */
    struct blocks **all = NULL;
    uint32_t count = 0, room = 0;
    strmap_init(&maps[0]);
    strmap_init(&maps[1]);
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        bool is_new;
        if (decl->kind != NODE_EVENT_DECL && decl->kind != NODE_OBJECT_DECL)
            continue;
        uint64_t *known = strmap_put(&maps[decl->kind == NODE_OBJECT_DECL], decl->name, &is_new);
        if (is_new) {
            all = arena_grow(c->arena, all, count, &room, sizeof *all);
            all[count] = arena_alloc(c->arena, sizeof **all);
            *known = (uint64_t)(uintptr_t)all[count++];
        }
        struct blocks *blocks = (struct blocks *)(uintptr_t)*known;
        blocks->items = arena_grow(c->arena, blocks->items, blocks->count, &blocks->room,
                                   sizeof *blocks->items);
        blocks->items[blocks->count++] = decl;
    }
    for (uint32_t i = 0; i < count; i++)
        declare_event(c, all[i]->items[0], all[i]);
    strmap_free(&maps[0]);
    strmap_free(&maps[1]);
}

/* `decl` has the name of one of its kind before it. */
static void report_second(struct compiler *c, const struct node *decl, const char *what)
{
    const struct node *first = c->out->declarations;
    while (first->kind != decl->kind || !str_eq(first->name, decl->name))
        first = first->next;
    struct diag *diag = report(c, DIAG_DUPLICATE, decl->name_span, what, STR_ARG(decl->name));
    note(c, diag, first->name_span, "first here");
    help(c, diag, "give one of them another name");
}

static void declare_segments(struct compiler *c)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind != NODE_SEGMENT_DECL)
            continue;
        if (strmap_get(&c->segments, decl->name)) {
            report_second(c, decl, "segment");
            continue;
        }
        uint32_t title = decl->other.at ? intern(c, decl->other) : IMAGE_NONE;
        uint32_t row =
            add_segment(c, (struct image_segment){intern(c, decl->name), title, IMAGE_NONE});
        *strmap_put(&c->segments, decl->name, NULL) = row;
    }
}

static void declare_others(struct compiler *c)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind == NODE_TOPIC_DECL) {
            if (strmap_get(&c->topics, decl->name)) {
                report_second(c, decl, "topic");
                continue;
            }
            uint32_t row =
                add_topic(c, (struct image_topic){intern(c, decl->name), intern(c, decl->other),
                                                  (decl->flags & FLAG_OPT_IN) != 0});
            *strmap_put(&c->topics, decl->name, NULL) = row;
        } else if (decl->kind == NODE_FLOW) {
            declare(c, &c->flows, "flow", decl);
        } else if (decl->kind == NODE_LET) {
            declare(c, &c->lets, "let", decl);
        } else if (decl->kind == NODE_POLICY) {
            if (declare(c, &c->policies, "policy", decl)) {
                c->policy_list = arena_grow(c->arena, c->policy_list, c->policy_count,
                                            &c->policy_list_room, sizeof *c->policy_list);
                c->policy_list[c->policy_count++] = decl;
            }
        } else if (decl->kind == NODE_CAMPAIGN) {
            declare(c, &c->campaigns, "campaign", decl);
        }
    }
}

/* Membership tells of phi what its condition reads, through other segments too. */
static void spread_phi(struct compiler *c, bool *is_phi_of)
{
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (uint32_t row = 0; row < c->image->segment_count; row++) {
            uint32_t code = c->image->segments[row].condition;
            struct rows reads =
                code == IMAGE_NONE ? (struct rows){0, 0} : c->image->codes[code].reads;
            for (uint32_t i = 0; i < reads.count && !is_phi_of[row]; i++) {
                const struct image_read *read = &c->image->reads[reads.first + i];
                is_phi_of[row] = read->kind == READ_SEGMENT && is_phi_of[read->row];
                is_changed |= is_phi_of[row];
            }
        }
    }
}

static void compile_segments(struct compiler *c)
{
    bool *is_phi_of = arena_array(c->arena, c->image->segment_count + 1, sizeof *is_phi_of);
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind != NODE_SEGMENT_DECL || !decl->kids[SEGMENT_DECL_CONDITION])
            continue;
        uint32_t row = (uint32_t)*strmap_get(&c->segments, decl->name);
        struct typed type;
        struct code code;
        code_begin(c, &code, CODE_EXPRESSION);
        type = condition(c, decl->kids[SEGMENT_DECL_CONDITION]);
        emit(c, op_c(OP_RETURN, 0), 1, 0);
        c->image->segments[row].condition = code_end(c);
        is_phi_of[row] = type.is_phi;
    }
    spread_phi(c, is_phi_of);
    c->segment_is_phi = is_phi_of;
}

void declare_all(struct compiler *c)
{
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind != NODE_CLINIC)
            continue;
        if (!c->clinic) {
            c->clinic = decl;
            continue;
        }
        struct diag *diag = report(c, DIAG_SECOND_CLINIC, decl->name_span);
        note(c, diag, c->clinic->name_span, "the first one");
        help(c, diag, "keep one: a second clinic is a project of its own");
    }
    declare_clinic(c);
    check_zone(c);
    /* Modules first: what a project declares replaces it (P3). */
    for (int of_module = 1; of_module >= 0; of_module--)
        for (struct node *decl = c->out->declarations; decl; decl = decl->next)
            if (decl->kind == NODE_PATIENT && is_of_module(c, decl) == (of_module == 1))
                for (struct node *field = decl->kids[PATIENT_FIELDS]; field; field = field->next)
                    declare_attribute(c, field);
    declare_events(c);
    declare_segments(c);
    declare_others(c);
    fill_project(c);
    check_circles(c);
    compile_segments(c);
}
