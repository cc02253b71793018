/* lines.c: writes a made-up project of so many lines, or as many lines of Lua, for measuring:
 * `lines camp 1000000` `lines lua 1000000`. The campaigns hold what campaigns hold: settings,
 * messages with values, waits, branches, a repeat, an assert. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
    "use healthcare\n"
    "clinic \"Riverside\" {\n"
    "    timezone: \"America/New_York\"\n"
    "    from_email: \"Riverside <hello@riverside.example>\"\n"
    "    address: \"12 Mill Lane, Albany NY 12207\"\n"
    "    booking_url: \"https://riverside.example/book\"\n"
    "}\n"
    "patient { visits: integer = 0  status: [\"active\", \"inactive\"]  note: text  diagnosis: "
    "text phi }\n"
    "event survey.completed { score: integer }\n"
    "segment lapsed when patient.status == \"active\" and not did event visit.completed in last 12 "
    "months\n"
    "policy house { sms between 08:00 and 21:00  sms at most 3 per 7 days }\n";

static const char campaign[] =
    "campaign c%ld \"Campaign number %ld\" {\n"
    "    description \"Greets a patient and gets the first visit booked.\"\n"
    "    trigger  event patient.registered as registration\n"
    "    enter    once\n"
    "    audience patient.email is known and patient not in segment lapsed\n"
    "    transactional\n"
    "    goal     event appointment.booked within 7 days of any message\n"
    "    exit     on goal\n"
    "    exit     when patient.status == \"inactive\"\n"
    "    send     automatically\n"
    "    send     between 09:00 and 18:00 on weekdays\n"
    "    assert   sms at most 2 per 7 days\n"
    "    workflow {\n"
    "        email hello {\n"
    "            subject: \"Welcome, {{ patient.first_name | default: 'there' }}\"\n"
    "            text: \"Welcome to {{ clinic.name }}.\"\n"
    "        }\n"
    "        wait 2 days\n"
    "        if patient.phone is known {\n"
    "            sms nudge \"Book your first visit: {{ clinic.booking_url }}\"\n"
    "        } else if patient.visits > 3 {\n"
    "            email second {\n"
    "                subject: \"Your first visit\"\n"
    "                text: \"Come by when you can.\"\n"
    "            }\n"
    "        } else {\n"
    "            set patient.note = \"quiet\"\n"
    "        }\n"
    "        wait for event appointment.booked as booking up to 7 days {\n"
    "            wait until booking.starts_at - 2 days at 09:00 {\n"
    "                sms reminder \"See you soon\"\n"
    "            } else {\n"
    "                exit \"no time\"\n"
    "            }\n"
    "        }\n"
    "        match patient.status {\n"
    "            \"active\" {\n"
    "                set patient.visits = patient.visits + 1\n"
    "            }\n"
    "            else {\n"
    "                if patient.diagnosis is known {\n"
    "                    wait 1 day\n"
    "                }\n"
    "            }\n"
    "        }\n"
    "        repeat up to 3 times {\n"
    "            wait 10 days\n"
    "            if did event survey.completed in last 30 days {\n"
    "                break\n"
    "            }\n"
    "            email once_more {\n"
    "                subject: \"Again\"\n"
    "                text: \"Tell us how it went.\"\n"
    "            }\n"
    "        }\n"
    "        sms farewell \"Good bye\"\n"
    "    }\n"
    "}\n";

static const char lua[] =
    "do\n"
    "    function welcome%ld(patient, clinic, count)\n"
    "        local message = { subject = \"Welcome, there\", number = %ld }\n"
    "        if patient.phone ~= nil then\n"
    "            send(\"sms\", \"Book your first visit: \" .. clinic.booking_url)\n"
    "        elseif patient.visits > 3 then\n"
    "            send(\"email\", { subject = \"Your first visit\", text = \"Come by\" })\n"
    "        else\n"
    "            patient.note = \"quiet\"\n"
    "        end\n"
    "        for i = 1, 3 do\n"
    "            wait(10 * 86400)\n"
    "            if patient.completed >= count - 30 * 86400 then\n"
    "                break\n"
    "            end\n"
    "            message.subject = message.subject .. \"again\" .. i\n"
    "        end\n"
    "        return message\n"
    "    end\n"
    "end\n";

static long lines_of(const char *text)
{
    long lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

int main(int argc, char **argv)
{
    bool is_lua = argc == 3 && strcmp(argv[1], "lua") == 0;
    long wanted = argc == 3 ? atol(argv[2]) : 0;
    if (argc != 3 || wanted < 1 || (!is_lua && strcmp(argv[1], "camp") != 0)) {
        fprintf(stderr, "usage: lines camp|lua LINES\n");
        return 2;
    }
    if (!is_lua)
        fputs(head, stdout);
    long lines = is_lua ? 0 : lines_of(head);
    for (long i = 0; lines < wanted; i++, lines += lines_of(is_lua ? lua : campaign)) {
        if (is_lua)
            printf(lua, i, i);
        else
            printf(campaign, i, i);
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
