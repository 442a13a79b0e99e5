//! UCL as rspamd reads it: its recorded answers, case by case. `@ROOT@` stands for the folder of a case's tree.

mod golden;
