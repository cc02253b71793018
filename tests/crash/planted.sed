# The fault that the crash loop must catch: effects are committed before the patient's record that caused them.
s/^ *status = store_patient_put(/store_commit(r->engine->store), store_begin(r->engine->store),&/
