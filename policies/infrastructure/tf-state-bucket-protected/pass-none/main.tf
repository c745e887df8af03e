terraform {
  backend "remote" {
    organization = "shop"
  }
}
