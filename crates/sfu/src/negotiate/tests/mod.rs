mod answers;
mod offers;
mod recorded;
mod script;
mod slots;
