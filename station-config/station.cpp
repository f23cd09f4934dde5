namespace flashline::config {}
