data "aws_partition" "current" {}

resource "aws_iam_role_policy_attachment" "literal" {
  role       = "ci"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess" # expect[admin high certain]: `aws_iam_role_policy_attachment.literal` attaches `AdministratorAccess`
}

resource "aws_iam_user_policy_attachment" "partition" {
  user       = "terraform"
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AdministratorAccess" # expect[admin]: attaches `AdministratorAccess`
}

resource "aws_iam_group_policy_attachment" "format" {
  group      = "developers"
  policy_arn = format("arn:%s:iam::aws:policy/PowerUserAccess", data.aws_partition.current.partition) # expect[power-user medium]: attaches `PowerUserAccess`
}

data "aws_iam_policy" "admin" {
  name = "AdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "looked_up" {
  role       = "ci"
  policy_arn = data.aws_iam_policy.admin.arn # expect[admin]: attaches `AdministratorAccess`
}

resource "aws_iam_role" "deploy" {
  name               = "deploy"
  assume_role_policy = "{}"
  managed_policy_arns = [
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:iam::aws:policy/IAMFullAccess", # expect[admin]: `aws_iam_role.deploy` attaches `IAMFullAccess`
  ]
}

resource "aws_iam_role_policy_attachment" "each" {
  for_each   = toset(["arn:aws:iam::aws:policy/AdministratorAccess"])
  role       = "ci"
  policy_arn = each.value # expect[admin]: attaches `AdministratorAccess`
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "admins"
  roles      = ["ci"]
  policy_arn = "arn:aws-us-gov:iam::aws:policy/AdministratorAccess" # expect[admin]: `aws_iam_policy_attachment.everywhere`
}

module "role" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version = "5.39.1"

  policies = {
    admin = "arn:aws:iam::aws:policy/AdministratorAccess" # expect[admin]: `module.role` attaches `AdministratorAccess`
  }
}

resource "aws_ssoadmin_managed_policy_attachment" "admins" {
  instance_arn       = "arn:aws:sso:::instance/ssoins-1"
  permission_set_arn = "arn:aws:sso:::permissionSet/ssoins-1/ps-1"
  managed_policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess" # expect[people info]: attaches `AdministratorAccess`
}

resource "aws_eks_access_policy_association" "admins" {
  cluster_name  = "main"
  principal_arn = "arn:aws:iam::123456789012:role/admins"
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" # expect[cluster info]: attaches `AmazonEKSClusterAdminPolicy`
}
