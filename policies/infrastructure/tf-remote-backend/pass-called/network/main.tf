# not-applicable: it is no root module: `.` calls it
terraform {
  backend "local" {}
}
