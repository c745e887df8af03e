terraform {
  backend "azurerm" {
    storage_account_name = "shop"
    container_name       = "tfstate"
    key                  = "prod.tfstate" # expect[shared]: this module and `a` write the same state, `shop/tfstate/prod.tfstate`
  }
}
