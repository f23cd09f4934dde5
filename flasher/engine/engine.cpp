namespace flashline::line {}
