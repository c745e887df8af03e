terraform {
  backend "http" {
    address = "https://state.example.com/shop"
  }
}

module "inner" {
  source = "./module"
}
