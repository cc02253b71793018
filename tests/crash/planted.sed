# The fault that the crash loop must catch: effects are committed before the patient's record that caused them.
/store_patient_put(r->engine->store, r->patient->key, due_ms,/{
s/store_patient_put(/(store_commit(r->engine->store), store_begin(r->engine->store), store_patient_put(/
n
s/;$/);/
}
